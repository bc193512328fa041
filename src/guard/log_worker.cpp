// Log rows that survive an error: a background worker commits them. Costs one process start, some
// milliseconds, and only where a statement is refused.
#include "guard/ddl_log.hpp"

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

PGDLLEXPORT void db_guard_log_worker(Datum argument);
}

namespace db_guard::guard {

namespace {

// A LogEntry in shared memory: the fixed part, then the texts one after the other, each with its
// terminating zero. An offset of 0 is NULL.
constexpr int kTexts = 11;

struct SharedEntry {
  Oid database;
  LogEntry entry;  // its pointers mean nothing here
  uint32 offsets[kTexts];
  bool done;
};

const char** texts_of(LogEntry& entry, const char** (&fields)[kTexts]) {
  const char** all[kTexts] = {
      &entry.user_name,        &entry.session_user_name, &entry.client_address,
      &entry.application_name, &entry.command_tag,       &entry.object,
      &entry.statement,        &entry.outcome,           &entry.findings,
      &entry.allow_reason,     &entry.analysis_error};
  std::copy(std::begin(all), std::end(all), std::begin(fields));
  return fields[0];
}

Size size_of_shared(LogEntry& entry) {
  const char** fields[kTexts];
  texts_of(entry, fields);
  Size size = sizeof(SharedEntry);
  for (const char** field : fields) size += *field != nullptr ? strlen(*field) + 1 : 0;
  return size;
}

void pack(LogEntry& entry, SharedEntry* shared) {
  const char** fields[kTexts];
  texts_of(entry, fields);
  shared->database = MyDatabaseId;
  shared->entry = entry;
  shared->done = false;
  uint32 offset = sizeof(SharedEntry);
  for (int i = 0; i < kTexts; i++) {
    shared->offsets[i] = 0;
    if (*fields[i] == nullptr) continue;
    const Size length = strlen(*fields[i]) + 1;
    memcpy(reinterpret_cast<char*>(shared) + offset, *fields[i], length);
    shared->offsets[i] = offset;
    offset += uint32(length);
  }
}

LogEntry unpack(const SharedEntry* shared) {
  LogEntry entry = shared->entry;
  const char** fields[kTexts];
  texts_of(entry, fields);
  for (int i = 0; i < kTexts; i++) {
    const uint32 offset = shared->offsets[i];
    *fields[i] = offset != 0 ? reinterpret_cast<const char*>(shared) + offset : nullptr;
  }
  entry.dropped = nullptr;
  return entry;
}

BackgroundWorker worker_for(dsm_segment* segment) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
  worker.bgw_notify_pid = MyProcPid;
  strlcpy(worker.bgw_name, "db_guard log writer", BGW_MAXLEN);
  strlcpy(worker.bgw_type, "db_guard log writer", BGW_MAXLEN);
  strlcpy(worker.bgw_library_name, "db_guard", BGW_MAXLEN);
  strlcpy(worker.bgw_function_name, "db_guard_log_worker", BGW_MAXLEN);
  return worker;
}

// The statement itself stands in the server log already, with the error.
void report_failure(const char* why) {
  ereport(LOG,
          (errmsg("db_guard could not record a refused statement in db_guard.ddl_log: %s", why),
           errhint("The error that refused it is in the server log. A free place in "
                   "max_worker_processes is needed to record it in the table.")));
}

// Neither a lock on the log nor anything else may keep the session waiting for long.
void limit_patience() {
  SetConfigOption("lock_timeout", "1s", PGC_SUSET, PGC_S_OVERRIDE);
  SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
  SetConfigOption("synchronous_commit", "local", PGC_SUSET, PGC_S_OVERRIDE);
}

void work(SharedEntry* shared) {
  BackgroundWorkerInitializeConnectionByOid(shared->database, InvalidOid, 0);
  limit_patience();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  insert_entry(unpack(shared));
  PopActiveSnapshot();
  CommitTransactionCommand();
  shared->done = true;
}

}  // namespace

void insert_entry_elsewhere(const LogEntry& entry) {
  LogEntry copy = entry;
  dsm_segment* segment = dsm_create(size_of_shared(copy), DSM_CREATE_NULL_IF_MAXSEGMENTS);
  if (segment == nullptr) {
    report_failure("no dynamic shared memory");
    return;
  }
  auto* shared = static_cast<SharedEntry*>(dsm_segment_address(segment));
  pack(copy, shared);
  BackgroundWorker worker = worker_for(segment);
  BackgroundWorkerHandle* handle = nullptr;
  if (!RegisterDynamicBackgroundWorker(&worker, &handle)) {
    report_failure("no background worker is free");
  } else {
    // Waited for, so that whoever reads the error finds the row, and so that a client that
    // repeats a refused statement cannot fill the server with workers.
    (void)WaitForBackgroundWorkerShutdown(handle);
    if (!shared->done) report_failure("its writer failed");
  }
  dsm_detach(segment);
}

}  // namespace db_guard::guard

void db_guard_log_worker(Datum argument) {
  using namespace db_guard::guard;
  BackgroundWorkerUnblockSignals();
  CurrentResourceOwner = ResourceOwnerCreate(nullptr, "db_guard log writer");
  dsm_segment* segment = dsm_attach(DatumGetUInt32(argument));
  if (segment == nullptr) return;  // the session is gone, cancelled while it waited
  dsm_pin_mapping(segment);
  work(static_cast<SharedEntry*>(dsm_segment_address(segment)));
  dsm_detach(segment);
}
