#include "ddl/session_tables.hpp"

#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "access/twophase.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "utils/hsearch.h"
#include "utils/pgstat_internal.h"
}

namespace db_guard::ddl {

namespace {

struct Created {
  Oid relation;
  bool alone;               // no other client was connected to this database
  PgStat_Counter sessions;  // how many had been, ever
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

bool others_are_connected() {
  // The list of backends is copied whole, which costs more than making a table; most often counting
  // is enough. The count has autovacuum and WAL senders in it, so it does not settle more than
  // that.
  if (CountDBConnections(MyDatabaseId) <= 1) return false;
  // The snapshot of backends is kept for the transaction; an old one would miss newcomers.
  pgstat_clear_backend_activity_snapshot();
  const int count = pgstat_fetch_stat_numbackends();
  for (int i = 1; i <= count; i++) {
    const PgBackendStatus* status = pg::backend_status(i);
    if (status == nullptr || status->st_procpid == MyProcPid) continue;
    if (status->st_databaseid == MyDatabaseId && status->st_backendType == B_BACKEND) return true;
  }
  return false;
}

// Sessions of this database since the statistics began: those reported, which includes every one
// that has ended, and this one where it has not been reported yet.
PgStat_Counter sessions_so_far() {
  PgStat_EntryRef* entry =
      pgstat_get_entry_ref(PGSTAT_KIND_DATABASE, MyDatabaseId, InvalidOid, false, nullptr);
  if (entry == nullptr) return 0;
  pgstat_lock_entry_shared(entry, false);
  const auto* shared = reinterpret_cast<const PgStatShared_Database*>(entry->shared_stats);
  PgStat_Counter sessions = pg::sessions_of(&shared->stats);
  pgstat_unlock_entry(entry);
  if (entry->pending != nullptr) {
    sessions += pg::sessions_of(static_cast<const PgStat_StatDBEntry*>(entry->pending));
  }
  return sessions;
}

bool has_been_alone_since(const Created& created) {
  return created.alone && sessions_so_far() == created.sessions && !others_are_connected();
}

}  // namespace

void remember_created(Oid relation) {
  if (created_tables == nullptr) created_tables = make_table();
  if (hash_get_num_entries(created_tables) >= kMostTables) return;
  auto* entry = static_cast<Created*>(hash_search(created_tables, &relation, HASH_ENTER, nullptr));
  entry->alone = !others_are_connected();
  entry->sessions = sessions_so_far();
}

namespace {

bool is_free_of_others(Oid relation) {
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relation);
  int others = 0;
  (void)GetLockConflicts(&tag, AccessExclusiveLock, &others);
  return others == 0;
}

}  // namespace

bool is_known_to_nobody_else(Oid relation) {
  const Created* created = find_created(relation);
  if (created == nullptr) return false;
  const bool alone = has_been_alone_since(*created);
  // Prepared transactions lock what their sessions locked; without any, nobody is left who could.
  // Looking at all locks is what costs most here.
  if (alone && max_prepared_xacts == 0) return true;
  return is_free_of_others(relation) && (alone || !statistics_show_use(relation));
}

namespace {

// The table, be it named by its index.
Oid table_named_by(const Action& action) {
  const char* schema = action.target.schema.empty() ? nullptr : action.target.schema.c_str();
  RangeVar* name =
      makeRangeVar(const_cast<char*>(schema), const_cast<char*>(action.target.name.c_str()), -1);
  const Oid id = RangeVarGetRelid(name, NoLock, true);
  return names_an_index(action.kind) ? IndexGetRelation(id, true) : id;
}

}  // namespace

bool is_known_to_nobody_else(const Relation& relation) {
  const Oid id = relation.id;
  return pg::call([&] { return is_known_to_nobody_else(id); });
}

bool concerns_nobody_else(const Statement& statement) {
  if (created_tables == nullptr) return false;
  const Action* before = nullptr;
  for (const Action& action : statement.actions) {
    if (!has_existing_target(action.kind)) return false;
    // All actions of an ALTER TABLE are on the same one.
    if (before != nullptr && before->target == action.target) continue;
    if (!pg::call([&] { return is_known_to_nobody_else(table_named_by(action)); })) return false;
    before = &action;
  }
  return true;
}

}  // namespace db_guard::ddl
