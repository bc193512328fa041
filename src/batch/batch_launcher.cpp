#include "batch/batch_launcher.hpp"

#include "batch/batch_worker.hpp"
#include "core/text.hpp"
#include "pg/as_owner.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

PGDLLEXPORT void db_guard_batch_launcher(Datum argument);
PGDLLEXPORT void db_guard_batch_resumer(Datum argument);
}

namespace db_guard::batch {

namespace {

bool resumes_jobs = true;

// --- in every database ---------------------------------------------------------------------------

// Only the real thing is trusted: what a table of that name says decides as whom statements run.
constexpr const char* kIsOurs = R"sql(
SELECT 1
  FROM pg_extension AS e
  JOIN pg_roles AS r ON r.oid = e.extowner AND r.rolsuper
  JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
   AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
   AND d.objid = to_regclass('db_guard.batch_jobs')
 WHERE e.extname = 'db_guard')sql";

// A job that takes the server down with it must not do so for ever.
constexpr const char* kTakeJobs = R"sql(
UPDATE db_guard.batch_jobs AS j
   SET resumes = CASE WHEN j.batches > j.resumed_batches THEN 1 ELSE j.resumes + 1 END,
       resumed_batches = j.batches
 WHERE j.background AND j.state IN ('new', 'running')
   AND (j.resumes < 3 OR j.batches > j.resumed_batches)
   AND NOT EXISTS (SELECT FROM db_guard.batch_progress AS p WHERE p.job = j.job AND p.pid IS NOT NULL)
RETURNING j.job, j.owner::oid)sql";

void continue_job(const char* job, const char* owner) {
  const std::int64_t id = std::strtoll(job, nullptr, 10);
  const Oid role = Oid(std::strtoul(owner, nullptr, 10));
  const bool started = pg::call([&] { return start_worker(id, role, InvalidTransactionId); });
  pg::call([&] {
    ereport(LOG, started ? errmsg("db_guard goes on with batch job " INT64_FORMAT, id)
                         : errmsg("db_guard cannot go on with batch job " INT64_FORMAT
                                  ": no background worker is free",
                                  id));
  });
}

void continue_jobs() {
  if (pg::query(kIsOurs).rows == 0) return;
  pg::Rows jobs;
  {
    const pg::AsOwner owner;
    jobs = pg::query(kTakeJobs);
  }
  for (int i = 0; i < jobs.rows; i++) continue_job(jobs.at(i, 0), jobs.at(i, 1));
}

// --- the launcher --------------------------------------------------------------------------------

void fill_in(BackgroundWorker& worker, const char* name, const char* function) {
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  strlcpy(worker.bgw_name, name, BGW_MAXLEN);
  strlcpy(worker.bgw_type, name, BGW_MAXLEN);
  strlcpy(worker.bgw_library_name, "db_guard", BGW_MAXLEN);
  strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
}

List* databases(MemoryContext memory) {
  List* result = NIL;
  StartTransactionCommand();
  (void)GetTransactionSnapshot();
  ::Relation relation = table_open(DatabaseRelationId, AccessShareLock);
  TableScanDesc scan = table_beginscan_catalog(relation, 0, nullptr);
  HeapTuple tuple = nullptr;
  while ((tuple = heap_getnext(scan, ForwardScanDirection)) != nullptr) {
    const auto* form = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    if (!form->datallowconn) continue;
    const MemoryContext before = MemoryContextSwitchTo(memory);
    result = lappend_oid(result, form->oid);
    MemoryContextSwitchTo(before);
  }
  table_endscan(scan);
  table_close(relation, AccessShareLock);
  CommitTransactionCommand();
  return result;
}

// One database at a time, so that this never takes more than one worker.
void look_into(Oid database) {
  BackgroundWorker worker{};
  fill_in(worker, "db_guard batch resumer", "db_guard_batch_resumer");
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  worker.bgw_notify_pid = MyProcPid;
  BackgroundWorkerHandle* handle = nullptr;
  if (RegisterDynamicBackgroundWorker(&worker, &handle)) {
    (void)WaitForBackgroundWorkerShutdown(handle);
    return;
  }
  ereport(LOG, (errmsg("db_guard cannot look for batch jobs in the database with OID %u", database),
                errdetail("No background worker is free."),
                errhint("Raise max_worker_processes, or go on with each job by hand: "
                        "SELECT db_guard.batch_continue(job);")));
}

// It stays, asleep: after a crash the server starts again only those that have not ended.
void sleep_for_ever() {
  while (!ShutdownRequestPending) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, 0, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
}

}  // namespace

void register_launcher() {
  DefineCustomBoolVariable(
      "db_guard.resume_batch_jobs",
      "Whether background batch jobs go on by themselves after a restart of the server.",
      "For servers that have db_guard in shared_preload_libraries.", &resumes_jobs, true,
      PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  if (!process_shared_preload_libraries_in_progress) return;
  BackgroundWorker worker{};
  fill_in(worker, "db_guard batch launcher", "db_guard_batch_launcher");
  // Should it fail, it fails again at once only after the next crash of the server.
  worker.bgw_restart_time = 3600;
  RegisterBackgroundWorker(&worker);
}

}  // namespace db_guard::batch

void db_guard_batch_launcher(Datum) {
  using namespace db_guard::batch;
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  if (resumes_jobs) {
    List* all = databases(TopMemoryContext);
    ListCell* cell = nullptr;
    foreach (cell, all) {
      if (ShutdownRequestPending) break;
      look_into(lfirst_oid(cell));
    }
  }
  sleep_for_ever();
}

void db_guard_batch_resumer(Datum argument) {
  using namespace db_guard;
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid, 0);
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  pg::enter([] { batch::continue_jobs(); });
  PopActiveSnapshot();
  CommitTransactionCommand();
}
