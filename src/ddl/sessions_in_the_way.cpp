// Who holds or awaits a lock that conflicts with the one a statement needs, and for whom a command
// that waits for transactions has to wait.
#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "access/transam.h"
#include "storage/lmgr.h"
#include "utils/timestamp.h"
}

namespace db_guard::ddl {

namespace {

struct SessionRow {
  int pid;
  char application[NAMEDATALEN];
  TimestampTz transaction_start;
  bool idle;  // in its transaction
  bool wraparound_vacuum;
};

constexpr int kMostSessions = 8;

struct SessionRows {
  int count;
  SessionRow rows[kMostSessions];
};

void fill_from_status(SessionRow& row) {
  const int count = pgstat_fetch_stat_numbackends();
  for (int i = 1; i <= count; i++) {
    const PgBackendStatus* status = pg::backend_status(i);
    if (status == nullptr || status->st_procpid != row.pid) continue;
    strlcpy(row.application, status->st_appname, NAMEDATALEN);
    row.transaction_start = status->st_xact_start_timestamp;
    row.idle = status->st_state == STATE_IDLEINTRANSACTION ||
               status->st_state == STATE_IDLEINTRANSACTION_ABORTED;
    return;
  }
}

bool is_known(const SessionRows& rows, int pid) {
  return std::any_of(rows.rows, rows.rows + rows.count,
                     [pid](const SessionRow& row) { return pid != 0 && row.pid == pid; });
}

// An autovacuum worker gives way to a waiting session, unless it is there against wraparound.
bool gives_way(const PGPROC* process) {
  const int flags = process->statusFlags;
  return (flags & PROC_IS_AUTOVACUUM) != 0 && (flags & PROC_VACUUM_FOR_WRAPAROUND) == 0;
}

// False: nobody is there any more.
bool read_session(const VirtualTransactionId& transaction, SessionRow& row) {
  row = SessionRow{};
  const PGPROC* process = pg::process_of(transaction);
  if (process == nullptr || process->pid == 0) return pg::is_prepared(transaction);
  if (gives_way(process)) return false;
  row.pid = process->pid;
  row.wraparound_vacuum = (process->statusFlags & PROC_VACUUM_FOR_WRAPAROUND) != 0;
  fill_from_status(row);
  return true;
}

// Counting costs a fraction of looking into every process's locks.
bool is_alone() { return CountDBConnections(MyDatabaseId) <= 1 && max_prepared_xacts == 0; }

SessionRows read_sessions(Oid relation, LOCKMODE mode) {
  SessionRows result{};
  if (is_alone()) return result;
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relation);
  int count = 0;
  const VirtualTransactionId* transactions = GetLockConflicts(&tag, mode, &count);
  if (count > 0) pgstat_clear_backend_activity_snapshot();
  for (int i = 0; i < count && result.count < kMostSessions; i++) {
    if (read_session(transactions[i], result.rows[result.count])) result.count++;
  }
  return result;
}

// A snapshot that is soon gone is not worth a word.
constexpr TimestampTz kOldSnapshot = TimestampTz(60) * 1000 * 1000;

bool will_stay(const SessionRow& row) {
  return row.pid != 0 && row.transaction_start != 0 &&
         (row.idle || GetCurrentTimestamp() - row.transaction_start >= kOldSnapshot);
}

// Those whose end CREATE INDEX CONCURRENTLY awaits before the index may be used: all that hold a
// snapshot, of whatever they look at. Vacuums and other such builds are left out, as the server
// does.
void add_snapshots(SessionRows& result) {
  constexpr int kLeftOut = PROC_IS_AUTOVACUUM | PROC_IN_VACUUM | PROC_IN_SAFE_IC;
  int count = 0;
  const VirtualTransactionId* transactions =
      GetCurrentVirtualXIDs(InvalidTransactionId, true, false, kLeftOut, &count);
  pgstat_clear_backend_activity_snapshot();
  for (int i = 0; i < count && result.count < kMostSessions; i++) {
    SessionRow row;
    if (!read_session(transactions[i], row) || !will_stay(row)) continue;
    if (!is_known(result, row.pid)) result.rows[result.count++] = row;
  }
}

Vector<Session> sessions_of(const SessionRows& found) {
  Vector<Session> sessions;
  for (int i = 0; i < found.count; i++) {
    const SessionRow& row = found.rows[i];
    Session session;
    session.pid = row.pid;
    session.application = row.application;
    session.wraparound_vacuum = row.wraparound_vacuum;
    if (row.transaction_start != 0) {
      session.transaction_ms = (GetCurrentTimestamp() - row.transaction_start) / 1000;
    }
    sessions.push_back(std::move(session));
  }
  return sessions;
}

}  // namespace

Vector<Session> find_sessions_in_the_way(const Relation& relation, Lock lock) {
  const Oid id = relation.id;
  return sessions_of(pg::call([&] { return read_sessions(id, LOCKMODE(lock)); }));
}

Vector<Session> find_transactions_waited_for(const Relation& relation, Lock lock, bool snapshots) {
  const Oid id = relation.id;
  return sessions_of(pg::call([&] {
    SessionRows rows = read_sessions(id, LOCKMODE(lock));
    if (snapshots) add_snapshots(rows);
    return rows;
  }));
}

bool may_meet_others() { return !is_alone(); }

}  // namespace db_guard::ddl
