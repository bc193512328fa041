#include "ddl/session_tables.hpp"

#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "pgstat.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
}

namespace db_guard::ddl {

namespace {

struct Created {
  Oid relation;
  TimestampTz at;
};

// Lives as long as the session. An entry of a rolled-back transaction names a relation that nobody
// can see, so it does no harm.
HTAB* created_tables = nullptr;

// A session that makes tables for ever must not grow for ever; forgetting only makes the guard
// stricter.
constexpr long kMostTables = 10000;

HTAB* make_table() {
  HASHCTL control{};
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(Created);
  control.hcxt = TopMemoryContext;
  return hash_create("db_guard session tables", 64, &control,
                     HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

const Created* find_created(Oid relation) {
  if (created_tables == nullptr) return nullptr;
  return static_cast<const Created*>(hash_search(created_tables, &relation, HASH_FIND, nullptr));
}

bool statistics_show_use(Oid relation) {
  const PgStat_StatTabEntry* entry = pgstat_fetch_stat_tabentry(relation);
  if (entry == nullptr) return false;
  return entry->numscans > 0 || entry->tuples_inserted > 0 || entry->tuples_updated > 0 ||
         entry->tuples_deleted > 0;
}

bool was_active_since(const PgBackendStatus* status, TimestampTz moment) {
  if (status == nullptr || status->st_procpid == MyProcPid) return false;
  if (status->st_databaseid != MyDatabaseId || status->st_backendType != B_BACKEND) return false;
  return status->st_state_start_timestamp >= moment ||
         status->st_activity_start_timestamp >= moment || status->st_xact_start_timestamp != 0;
}

bool others_were_active_since(TimestampTz moment) {
  // The snapshot of backends is kept for the transaction; an old one would miss newcomers.
  pgstat_clear_backend_activity_snapshot();
  const int count = pgstat_fetch_stat_numbackends();
  for (int i = 1; i <= count; i++) {
    if (was_active_since(pg::backend_status(i), moment)) return true;
  }
  return false;
}

}  // namespace

void remember_created(Oid relation) {
  if (created_tables == nullptr) created_tables = make_table();
  if (hash_get_num_entries(created_tables) >= kMostTables) return;
  auto* entry = static_cast<Created*>(hash_search(created_tables, &relation, HASH_ENTER, nullptr));
  entry->at = GetCurrentTimestamp();
}

bool is_known_to_nobody_else(const Relation& relation) {
  const Oid id = relation.id;
  const Created* created = find_created(id);
  if (created == nullptr) return false;
  if (!find_sessions_in_the_way(relation, Lock::kAccessExclusive).empty()) return false;
  const TimestampTz at = created->at;
  return pg::call([&] { return !statistics_show_use(id) || !others_were_active_since(at); });
}

}  // namespace db_guard::ddl
