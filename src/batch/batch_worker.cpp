// Batch jobs in a background worker, which goes on when the client is gone.
#include "batch/batch_worker.hpp"

#include "pg/server_version.hpp"

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

PGDLLEXPORT void db_guard_batch_worker(Datum argument);
}

namespace db_guard::batch {

namespace {

struct Order {
  Oid database;
  Oid role;
  TransactionId started_by;
  std::int64_t job;
};
static_assert(sizeof(Order) <= BGW_EXTRALEN, "an order fits into what a worker is given");

Portal make_portal(const char* sql) {
  RawStmt* raw = static_cast<RawStmt*>(linitial(pg_parse_query(sql)));
  PushActiveSnapshot(GetTransactionSnapshot());
  List* queries = pg_analyze_and_rewrite_fixedparams(raw, sql, nullptr, 0, nullptr);
  List* plans = pg_plan_queries(queries, sql, 0, nullptr);
  PopActiveSnapshot();
  Portal portal = CreatePortal("", true, true);
  portal->visible = false;
  PortalDefineQuery(portal, nullptr, sql, CMDTAG_CALL, plans, nullptr);
  PortalStart(portal, nullptr, 0, InvalidSnapshot);
  return portal;
}

// As a client's CALL outside of a transaction block, so that the procedure may commit.
void run_statement(const char* sql) {
  debug_query_string = sql;
  pgstat_report_activity(STATE_RUNNING, sql);
  StartTransactionCommand();
  const MemoryContext memory =
      AllocSetContextCreate(TopMemoryContext, "db_guard batch worker", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(memory);
  Portal portal = make_portal(sql);
  DestReceiver* nowhere = CreateDestReceiver(DestNone);
  QueryCompletion completion;
  (void)pg::run_portal(portal, nowhere, &completion);
  PortalDrop(portal, false);
  CommitTransactionCommand();
  pgstat_report_stat(true);
  pgstat_report_activity(STATE_IDLE, nullptr);
}

// The job's row is there when the transaction that made it has ended, or it is not wanted.
bool is_committed(TransactionId transaction) {
  if (!TransactionIdIsValid(transaction)) return true;
  StartTransactionCommand();
  XactLockTableWait(transaction, nullptr, nullptr, XLTW_None);
  const bool committed = TransactionIdDidCommit(transaction);
  CommitTransactionCommand();
  return committed;
}

}  // namespace

bool launch_worker(std::int64_t job) {
  return start_worker(job, GetUserId(), GetTopTransactionId());
}

bool start_worker(std::int64_t job, Oid role, TransactionId started_by) {
  const Order order{MyDatabaseId, role, started_by, job};
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  // An error would come again; after a crash the launcher goes on with the job.
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  pg_snprintf(worker.bgw_name, BGW_MAXLEN, "db_guard batch job " INT64_FORMAT, job);
  strlcpy(worker.bgw_type, "db_guard batch job", BGW_MAXLEN);
  strlcpy(worker.bgw_library_name, "db_guard", BGW_MAXLEN);
  strlcpy(worker.bgw_function_name, "db_guard_batch_worker", BGW_MAXLEN);
  memcpy(worker.bgw_extra, &order, sizeof(order));
  return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

}  // namespace db_guard::batch

void db_guard_batch_worker(Datum) {
  using namespace db_guard::batch;
  Order order;
  memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(order.database, order.role, 0);
  if (!is_committed(order.started_by)) return;
  char sql[120];
  pg_snprintf(sql, sizeof(sql), "CALL db_guard.batch_resume('" INT64_FORMAT "'::pg_catalog.int8)",
              order.job);
  run_statement(sql);
}
