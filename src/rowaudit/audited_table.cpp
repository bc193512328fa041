#include "rowaudit/audited_table.hpp"

#include "pg/server_version.hpp"
#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_context.hpp"
#include "rowaudit/audit_sql.hpp"
#include "rowaudit/audit_tables.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"
}

namespace db_guard::rowaudit {

namespace {

struct TriggerKind {
  const char* name;
  const char* timing;  // up to the table
  const char* rest;    // from there to EXECUTE
  const char* function;
  const char* firing;  // for ENABLE; null: as it is
};

constexpr TriggerKind kInsert = {"db_guard_audit_insert", "AFTER INSERT",
                                 "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT",
                                 "audit_statement", nullptr};
constexpr TriggerKind kUpdate = {
    "db_guard_audit_update", "AFTER UPDATE",
    "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT", "audit_statement",
    nullptr};
constexpr TriggerKind kDelete = {"db_guard_audit_delete", "AFTER DELETE",
                                 "REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT",
                                 "audit_statement", nullptr};
// On a subscriber, too: it is the only one of these that fires there.
constexpr TriggerKind kTruncate = {"db_guard_audit_truncate", "BEFORE TRUNCATE",
                                   "FOR EACH STATEMENT", "audit_truncate", "ALWAYS"};
// Where the statement triggers do not fire, and only there. Partitions inherit it.
constexpr TriggerKind kReplica = {"db_guard_audit_replica", "AFTER INSERT OR UPDATE OR DELETE",
                                  "FOR EACH ROW", "audit_row", "REPLICA"};

const Trigger* find_trigger(Relation relation, const char* name) {
  const TriggerDesc* triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    if (strcmp(triggers->triggers[i].tgname, name) == 0) return &triggers->triggers[i];
  }
  return nullptr;
}

const char* name_of(Relation relation) {
  return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                    RelationGetRelationName(relation));
}

bool has_trigger_of(Relation relation, const TriggerKind& kind, int32 table_id) {
  const Trigger* trigger = find_trigger(relation, kind.name);
  return trigger != nullptr && trigger->tgnargs == 1 &&
         pg_strtoint32(trigger->tgargs[0]) == table_id;
}

List* plan_trigger(List* statements, Relation relation, const TriggerKind& kind, int32 table_id) {
  if (has_trigger_of(relation, kind, table_id)) return statements;
  const char* table = name_of(relation);
  if (find_trigger(relation, kind.name) != nullptr) {
    statements = lappend(statements, psprintf("DROP TRIGGER %s ON %s", kind.name, table));
  }
  statements = lappend(statements,
                       psprintf("CREATE TRIGGER %s %s ON %s %s EXECUTE FUNCTION db_guard.%s('%d')",
                                kind.name, kind.timing, table, kind.rest, kind.function, table_id));
  if (kind.firing == nullptr) return statements;
  return lappend(statements,
                 psprintf("ALTER TABLE %s ENABLE %s TRIGGER %s", table, kind.firing, kind.name));
}

Datum origin_here() {
  return CStringGetTextDatum(psprintf(UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId));
}

}  // namespace

int32 table_id_in_triggers(::Relation relation) {
  const Trigger* trigger = find_trigger(relation, kInsert.name);
  return trigger != nullptr && trigger->tgnargs == 1 ? pg_strtoint32(trigger->tgargs[0]) : 0;
}

int32 table_id_of(::Relation relation) {
  int32 table_id = table_id_in_triggers(relation);
  if (table_id != 0) return table_id;
  const Oid types[] = {TEXTOID, TEXTOID};
  const Datum values[] = {CStringGetTextDatum(get_namespace_name(RelationGetNamespace(relation))),
                          CStringGetTextDatum(RelationGetRelationName(relation))};
  as_log_owner([&] {
    const uint64 rows = run_sql_with(
        "SELECT table_id FROM db_guard.audited_table WHERE schema_name = $1 AND table_name = $2 "
        "AND NOT enabled ORDER BY enabled_at DESC LIMIT 1",
        {2, types, values, nullptr});
    if (rows == 0) return;
    bool is_null = false;
    table_id =
        DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
  });
  return table_id;
}

int32 audited_table_id(::Relation relation) {
  const int32 table_id = table_id_of(relation);
  if (table_id == 0) {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("table \"%s\" is not audited", RelationGetRelationName(relation)),
             errdetail("The log has nothing about it."),
             errhint("SELECT db_guard.enable_audit(%s);", quote_literal_cstr(name_of(relation))),
             errtable(relation)));
  }
  return table_id;
}

// ALTER TABLE refuses a table that somebody has open: what is to be done is put together first.
void make_triggers(Oid id, int32 table_id) {
  Relation relation = table_open(id, NoLock);
  List* statements = NIL;
  for (const TriggerKind* kind : {&kInsert, &kUpdate, &kDelete, &kTruncate}) {
    statements = plan_trigger(statements, relation, *kind, table_id);
  }
  if (!relation->rd_rel->relispartition) {
    statements = plan_trigger(statements, relation, kReplica, table_id);
  }
  CacheInvalidateRelcache(relation);
  table_close(relation, NoLock);
  run_own_statements(statements);
}

void drop_triggers(Oid id) {
  Relation relation = table_open(id, NoLock);
  List* statements = NIL;
  for (const TriggerKind* kind : {&kInsert, &kUpdate, &kDelete, &kTruncate, &kReplica}) {
    const Trigger* trigger = find_trigger(relation, kind->name);
    // What a partition has inherited goes with that of its parent.
    if (trigger == nullptr || trigger->tgisclone) continue;
    statements =
        lappend(statements, psprintf("DROP TRIGGER %s ON %s", kind->name, name_of(relation)));
  }
  table_close(relation, NoLock);
  run_own_statements(statements);
}

ColumnLists lists_of(int32 table_id) {
  ColumnLists lists{};
  const MemoryContext outside = CurrentMemoryContext;
  const Oid types[] = {INT4OID};
  const Datum values[] = {Int32GetDatum(table_id)};
  as_log_owner([&] {
    const uint64 rows = run_sql_with(
        "SELECT ignore_columns, redact_columns FROM db_guard.audited_table WHERE table_id = $1",
        {1, types, values, nullptr});
    if (rows == 0) return;
    const MemoryContext inside = MemoryContextSwitchTo(outside);
    bool is_null = false;
    HeapTuple row = SPI_tuptable->vals[0];
    lists.ignored = DatumGetArrayTypePCopy(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null));
    lists.redacted = DatumGetArrayTypePCopy(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &is_null));
    MemoryContextSwitchTo(inside);
  });
  return lists;
}

void add_mark(int32 table_id, const char* kind, const char* reason, const CapturedRange* range) {
  const bool has_range = range != nullptr && range->first != 0;
  const Oid types[] = {INT8OID, INT8OID, INT4OID, TEXTOID,        TEXTOID,
                       INT8OID, INT8OID, XID8OID, PG_SNAPSHOTOID, TEXTOID};
  const Datum values[] = {Int64GetDatum(draw_ticks(1)),
                          Int64GetDatum(current_part()),
                          Int32GetDatum(table_id),
                          CStringGetTextDatum(kind),
                          reason != nullptr ? CStringGetTextDatum(reason) : Datum(0),
                          Int64GetDatum(has_range ? range->first : 0),
                          Int64GetDatum(has_range ? range->last : 0),
                          FullTransactionIdGetDatum(GetTopFullTransactionId()),
                          DirectFunctionCall1(pg_current_snapshot, Datum(0)),
                          origin_here()};
  const char nulls[] = {' ',
                        ' ',
                        ' ',
                        ' ',
                        reason != nullptr ? ' ' : 'n',
                        has_range ? ' ' : 'n',
                        has_range ? ' ' : 'n',
                        ' ',
                        ' ',
                        ' ',
                        '\0'};
  as_log_owner([&] {
    (void)run_sql_with(
        "INSERT INTO db_guard.audit_mark (mark_id, transaction, table_id, kind, reason, first_id, "
        "last_id, txid, snapshot, origin) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        {10, types, values, nulls});
  });
}

List* tables_with_rows(Oid relation, LOCKMODE lock) {
  List* all = find_all_inheritors(relation, lock, nullptr);
  List* result = NIL;
  ListCell* cell = nullptr;
  foreach (cell, all) {
    const Oid id = lfirst_oid(cell);
    if (get_rel_relkind(id) == RELKIND_RELATION) result = lappend_oid(result, id);
  }
  return result;
}

int64 record_baseline(Oid relation, int32 table_id, const char* kind, const char* reason) {
  CapturedRange range{};
  int64 events = 0;
  ListCell* cell = nullptr;
  foreach (cell, tables_with_rows(relation, AccessShareLock)) {
    Relation table = table_open(lfirst_oid(cell), NoLock);
    events += capture_table(table, table_id, Op::kBaseline, &range);
    table_close(table, NoLock);
  }
  add_mark(table_id, kind, reason, &range);
  return events;
}

}  // namespace db_guard::rowaudit
