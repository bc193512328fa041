// enable_audit, baseline_audit and disable_audit. Triggers are made in the name of the log's owner,
// because nobody else may use their functions; that the caller owns the table is checked before.
#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_partition.hpp"
#include "rowaudit/audit_sql.hpp"
#include "rowaudit/audit_target.hpp"
#include "rowaudit/audited_table.hpp"

#include "pg/server_version.hpp"

extern "C" {
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PGDLLEXPORT Datum db_guard_enable_audit(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_enable_audit);
PGDLLEXPORT Datum db_guard_baseline_audit(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_baseline_audit);
PGDLLEXPORT Datum db_guard_disable_audit(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_disable_audit);
}

namespace db_guard::rowaudit {

namespace {

const char* literal_of(Relation relation) {
  return quote_literal_cstr(quote_qualified_identifier(
      get_namespace_name(RelationGetNamespace(relation)), RelationGetRelationName(relation)));
}

// --- what can be audited
// --------------------------------------------------------------------------

void refuse(Relation relation, const char* detail, const char* hint) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("\"%s\" cannot be audited", RelationGetRelationName(relation)),
                  errdetail_internal("%s", detail), errhint("%s", hint), errtable(relation)));
}

void check_kind(Relation relation) {
  const char kind = relation->rd_rel->relkind;
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) {
    ereport(ERROR,
            (errcode(ERRCODE_WRONG_OBJECT_TYPE),
             errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
             errdetail("Views hold no rows of their own, and rows of foreign tables can change "
                       "without this server."),
             errhint("Audit the table that the rows are in."), errtable(relation)));
  }
  if (relation->rd_rel->relispartition) {
    refuse(relation, "It is a partition, and a log is of a whole table.",
           "Audit the partitioned table; its partitions follow.");
  }
  if (IsCatalogRelation(relation) ||
      RelationGetNamespace(relation) == get_namespace_oid("db_guard", false)) {
    refuse(relation, "It belongs to the server or to db_guard itself.",
           "Audit tables of your own.");
  }
}

void check_contents(Relation relation) {
  const char persistence = relation->rd_rel->relpersistence;
  if (persistence == RELPERSISTENCE_TEMP) {
    refuse(relation, "It is a temporary table; its rows go without a trace.",
           "Audit the tables that its rows go to.");
  }
  if (persistence == RELPERSISTENCE_UNLOGGED) {
    refuse(relation, "It is unlogged: a crash empties it, and nobody could record that.",
           "ALTER TABLE ... SET LOGGED first.");
  }
  const bool inherits =
      relation->rd_rel->relkind == RELKIND_RELATION &&
      (relation->rd_rel->relhassubclass || has_superclass(RelationGetRelid(relation)));
  if (inherits) {
    refuse(relation, "It inherits from a table, or another inherits from it.",
           "Only partitioned tables can be audited as a family.");
  }
}

void check_owner(Relation relation) {
  if (pg::owns_relation(RelationGetRelid(relation))) return;
  aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(relation->rd_rel->relkind),
                 RelationGetRelationName(relation));
}

// --- lists of columns
// -----------------------------------------------------------------------------

ArrayType* as_texts(ArrayType* names) {
  Datum* values = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  deconstruct_array(names, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &values, &nulls, &count);
  for (int i = 0; i < count; i++) {
    if (nulls[i]) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                      errmsg("a list of columns must not hold NULL"),
                      errhint("Leave out the list where no column is meant.")));
    }
    values[i] = CStringGetTextDatum(NameStr(*DatumGetName(values[i])));
  }
  return construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT);
}

void check_column(Relation relation, const char* name) {
  if (get_attnum(RelationGetRelid(relation), name) > 0) return;
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_COLUMN),
           errmsg("table \"%s\" has no column \"%s\"", RelationGetRelationName(relation), name),
           errhint("Columns are named as the catalog has them: without quotes, and in lower "
                   "case unless they were created in quotes."),
           errtable(relation)));
}

void check_list(Relation relation, ArrayType* names) {
  Datum* values = nullptr;
  int count = 0;
  deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, nullptr, &count);
  for (int i = 0; i < count; i++) check_column(relation, TextDatumGetCString(values[i]));
}

void check_key(Relation relation, const ColumnLists& lists) {
  AttrNumber keys[INDEX_MAX_KEYS];
  const int count = primary_key_columns(relation, keys);
  for (int i = 0; i < count; i++) {
    const char* name = get_attname(RelationGetRelid(relation), keys[i], false);
    if (!contains_name(lists.ignored, name) && !contains_name(lists.redacted, name)) continue;
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("column \"%s\" is part of the primary key of \"%s\"", name,
                           RelationGetRelationName(relation)),
                    errdetail("Without it no event could be told to be of which row."),
                    errhint("Ignore or redact other columns."), errtablecol(relation, keys[i])));
  }
}

// --- db_guard.audited_table
// -----------------------------------------------------------------------

void store_table(Relation relation, int32 table_id, const ColumnLists& lists) {
  const Oid types[] = {INT4OID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID};
  const Datum values[] = {Int32GetDatum(table_id),
                          CStringGetTextDatum(get_namespace_name(RelationGetNamespace(relation))),
                          CStringGetTextDatum(RelationGetRelationName(relation)),
                          PointerGetDatum(lists.ignored),
                          PointerGetDatum(lists.redacted),
                          CStringGetTextDatum(GetUserNameFromId(GetOuterUserId(), false))};
  as_log_owner([&] {
    (void)run_sql_with(
        "INSERT INTO db_guard.audited_table AS t (table_id, schema_name, table_name, "
        "ignore_columns, "
        "redact_columns, enabled, enabled_at, enabled_by) "
        "VALUES ($1, $2, $3, $4, $5, true, clock_timestamp(), $6) "
        "ON CONFLICT (table_id) DO UPDATE SET schema_name = $2, table_name = $3, "
        "ignore_columns = $4, redact_columns = $5, enabled = true, "
        "enabled_at = CASE WHEN t.enabled THEN t.enabled_at ELSE clock_timestamp() END, "
        "enabled_by = CASE WHEN t.enabled THEN t.enabled_by ELSE $6 END",
        {6, types, values, nullptr});
  });
}

void store_disabled(Relation relation, int32 table_id) {
  const Oid types[] = {INT4OID, TEXTOID, TEXTOID};
  const Datum values[] = {Int32GetDatum(table_id),
                          CStringGetTextDatum(get_namespace_name(RelationGetNamespace(relation))),
                          CStringGetTextDatum(RelationGetRelationName(relation))};
  as_log_owner([&] {
    (void)run_sql_with(
        "UPDATE db_guard.audited_table SET enabled = false, schema_name = $2, table_name = $3 "
        "WHERE table_id = $1",
        {3, types, values, nullptr});
  });
}

// --- triggers
// -------------------------------------------------------------------------------------

void make_all_triggers(Oid root, int32 table_id) {
  ListCell* cell = nullptr;
  foreach (cell, find_all_inheritors(root, ShareRowExclusiveLock, nullptr)) {
    if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE) {
      ereport(ERROR,
              (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
               errmsg("partition \"%s\" is a foreign table and cannot be audited",
                      get_rel_name(lfirst_oid(cell))),
               errdetail("Its rows can change without this server."), errhint("Detach it first.")));
    }
    make_triggers(lfirst_oid(cell), table_id);
    CommandCounterIncrement();
    Relation member = relation_open(lfirst_oid(cell), NoLock);
    (void)target_of(member, table_id);
    relation_close(member, NoLock);
  }
}

// --- the rows that are there
// ----------------------------------------------------------------------

double bytes_of(List* tables) {
  double blocks = 0;
  ListCell* cell = nullptr;
  foreach (cell, tables) {
    Relation relation = table_open(lfirst_oid(cell), NoLock);
    blocks += RelationGetNumberOfBlocks(relation);
    table_close(relation, NoLock);
  }
  return blocks * BLCKSZ;
}

bool is_small(List* tables) {
  const char* setting = GetConfigOption("db_guard.small_table_size", true, false);
  const double limit = setting != nullptr ? strtod(setting, nullptr) * 1024.0 : 0;
  const double bytes = bytes_of(tables);
  return bytes == 0 || bytes <= limit;
}

int64 record_now(Oid relation, int32 table_id, const char* kind) {
  CommandCounterIncrement();
  PushActiveSnapshot(GetLatestSnapshot());
  const int64 events = record_baseline(relation, table_id, kind, nullptr);
  PopActiveSnapshot();
  return events;
}

void begin_log(Relation relation, int32 table_id) {
  const Oid id = RelationGetRelid(relation);
  CommandCounterIncrement();
  PushActiveSnapshot(GetLatestSnapshot());
  add_mark(table_id, "start", nullptr, nullptr);
  PopActiveSnapshot();
  if (is_small(tables_with_rows(id, ShareRowExclusiveLock))) {
    (void)record_now(id, table_id, "baseline");
    return;
  }
  ereport(NOTICE,
          (errmsg("changes of \"%s\" are recorded from now on; the rows that it holds are not "
                  "recorded yet",
                  RelationGetRelationName(relation)),
           errdetail("The table is too large to read it all under this lock."),
           errhint("Commit, and then: SELECT db_guard.baseline_audit(%s);", literal_of(relation))));
}

// What is redacted from now on is not in images of before, but what is no longer is missing there.
bool shows_more(const ColumnLists& before, const ColumnLists& now) {
  for (ArrayType* list : {before.ignored, before.redacted}) {
    Datum* values = nullptr;
    int count = 0;
    deconstruct_array(list, TEXTOID, -1, false, TYPALIGN_INT, &values, nullptr, &count);
    for (int i = 0; i < count; i++) {
      const char* name = TextDatumGetCString(values[i]);
      if (!contains_name(now.ignored, name) && !contains_name(now.redacted, name)) return true;
    }
  }
  return false;
}

void change_log(Relation relation, int32 table_id, const ColumnLists& before,
                const ColumnLists& now) {
  if (!shows_more(before, now)) return;
  const Oid id = RelationGetRelid(relation);
  if (is_small(tables_with_rows(id, ShareRowExclusiveLock))) {
    (void)record_now(id, table_id, "rewrite");
    return;
  }
  CommandCounterIncrement();
  PushActiveSnapshot(GetLatestSnapshot());
  add_mark(table_id, "start", "columns are recorded that were not before", nullptr);
  PopActiveSnapshot();
}

void check_target(Relation relation, const ColumnLists& lists) {
  check_kind(relation);
  check_contents(relation);
  check_list(relation, lists.ignored);
  check_list(relation, lists.redacted);
  check_key(relation, lists);
}

// The number that it has or had; a new one where there is none, or where it is another database's.
int32 choose_table_id(Relation relation, const ColumnLists& before) {
  if (table_id_in_triggers(relation) != 0 && before.ignored == nullptr) return draw_number();
  const int32 table_id = table_id_of(relation);
  return table_id != 0 ? table_id : draw_number();
}

void enable(Oid id, const ColumnLists& lists) {
  Relation relation = relation_open(id, NoLock);
  check_target(relation, lists);
  (void)make_partitions(tick_of(GetCurrentTimestamp()), kPartitionsAhead);
  const int32 running = table_id_in_triggers(relation);
  const ColumnLists before = running != 0 ? lists_of(running) : ColumnLists{};
  const int32 table_id = choose_table_id(relation, before);
  store_table(relation, table_id, lists);
  relation_close(relation, NoLock);
  make_all_triggers(id, table_id);
  CommandCounterIncrement();
  relation = relation_open(id, NoLock);
  if (before.ignored != nullptr) {
    change_log(relation, table_id, before, lists);
  } else {
    begin_log(relation, table_id);
  }
  relation_close(relation, NoLock);
}

void disable(Oid id) {
  Relation relation = relation_open(id, NoLock);
  check_kind(relation);
  const int32 table_id = table_id_in_triggers(relation);
  if (table_id != 0) {
    PushActiveSnapshot(GetLatestSnapshot());
    add_mark(table_id, "end", nullptr, nullptr);
    PopActiveSnapshot();
    store_disabled(relation, table_id);
  }
  relation_close(relation, NoLock);
  ListCell* cell = nullptr;
  foreach (cell, find_all_inheritors(id, AccessExclusiveLock, nullptr)) {
    drop_triggers(lfirst_oid(cell));
  }
}

void check_no_writers_wait(Relation relation) {
  if (!CheckRelationLockedByMe(relation, ShareRowExclusiveLock, true)) return;
  if (is_small(tables_with_rows(RelationGetRelid(relation), AccessShareLock))) return;
  ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                  errmsg("reading all of \"%s\" now would keep its writers waiting",
                         RelationGetRelationName(relation)),
                  errdetail("This transaction holds a lock on the table that excludes them."),
                  errhint("Commit first."), errtable(relation)));
}

// Whose it is comes before the lock, which might keep others waiting.
void lock_owned(Oid id, LOCKMODE lock) {
  const char* name = get_rel_name(id);
  if (name == nullptr) {
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("table with OID %u does not exist", id),
             errhint("It may have been dropped a moment ago.")));
  }
  if (!pg::owns_relation(id)) {
    aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(id)), name);
  }
  LockRelationOid(id, lock);
  Relation relation = relation_open(id, NoLock);
  check_owner(relation);
  relation_close(relation, NoLock);
}

}  // namespace

}  // namespace db_guard::rowaudit

Datum db_guard_enable_audit(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  lock_owned(PG_GETARG_OID(0), ShareRowExclusiveLock);
  enable(PG_GETARG_OID(0),
         {as_texts(PG_GETARG_ARRAYTYPE_P(1)), as_texts(PG_GETARG_ARRAYTYPE_P(2))});
  PG_RETURN_VOID();
}

Datum db_guard_baseline_audit(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  lock_owned(PG_GETARG_OID(0), AccessShareLock);
  Relation relation = relation_open(PG_GETARG_OID(0), NoLock);
  check_kind(relation);
  check_no_writers_wait(relation);
  const int64 events = record_now(PG_GETARG_OID(0), audited_table_id(relation), "baseline");
  relation_close(relation, NoLock);
  PG_RETURN_INT64(events);
}

Datum db_guard_disable_audit(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  lock_owned(PG_GETARG_OID(0), AccessExclusiveLock);
  disable(PG_GETARG_OID(0));
  PG_RETURN_VOID();
}
