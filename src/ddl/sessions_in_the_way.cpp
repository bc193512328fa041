// Who holds or awaits a lock that conflicts with the one a statement needs.
#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "storage/lmgr.h"
#include "utils/timestamp.h"
}

namespace db_guard::ddl {

namespace {

struct SessionRow {
  int pid;
  char application[NAMEDATALEN];
  TimestampTz transaction_start;
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
    return;
  }
}

SessionRows read_sessions(Oid relation, LOCKMODE mode) {
  SessionRows result{};
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relation);
  int count = 0;
  const VirtualTransactionId* transactions = GetLockConflicts(&tag, mode, &count);
  pgstat_clear_backend_activity_snapshot();
  for (int i = 0; i < count && result.count < kMostSessions; i++) {
    SessionRow& row = result.rows[result.count];
    row.pid = pg::pid_of(transactions[i]);
    if (row.pid != 0) {
      fill_from_status(row);
    } else if (!pg::is_prepared(transactions[i])) {
      continue;
    }
    result.count++;
  }
  return result;
}

}  // namespace

Vector<Session> find_sessions_in_the_way(const Relation& relation, Lock lock) {
  const Oid id = relation.id;
  const SessionRows found = pg::call([&] { return read_sessions(id, LOCKMODE(lock)); });
  Vector<Session> sessions;
  for (int i = 0; i < found.count; i++) {
    const SessionRow& row = found.rows[i];
    Session session;
    session.pid = row.pid;
    session.application = row.application;
    if (row.transaction_start != 0) {
      session.transaction_ms = (GetCurrentTimestamp() - row.transaction_start) / 1000;
    }
    sessions.push_back(std::move(session));
  }
  return sessions;
}

}  // namespace db_guard::ddl
