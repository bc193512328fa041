// DDL changes rows, too: partitions come and go with theirs, rewrites give them other values. What
// no row trigger sees is recorded here.
#include "pg/own_table.hpp"
#include "pg/server_version.hpp"
#include "rowaudit/audit_sql.hpp"
#include "rowaudit/audit_target.hpp"
#include "rowaudit/audited_table.hpp"

extern "C" {
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PGDLLEXPORT Datum db_guard_audit_ddl_start(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_ddl_start);
PGDLLEXPORT Datum db_guard_audit_ddl_end(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_ddl_end);
PGDLLEXPORT Datum db_guard_audit_table_rewrite(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_table_rewrite);
PGDLLEXPORT Datum db_guard_audit_drop(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_drop);
}

namespace db_guard::rowaudit {

namespace {

// The audited table that the running ALTER TABLE rewrites; of this transaction.
Oid rewritten = InvalidOid;
TransactionId rewritten_in = InvalidTransactionId;
// Partitions that are about to be dropped and whose rows are recorded; in the transaction's memory.
List* recorded_drops = NIL;
TransactionId recorded_in = InvalidTransactionId;

// The table that a log is of: the relation, or the topmost that it is a partition of.
Oid root_of(Oid relation) {
  if (!get_rel_relispartition(relation)) return relation;
  List* ancestors = get_partition_ancestors(relation);
  return ancestors == NIL ? relation : llast_oid(ancestors);
}

// Looked up without a lock: DDL on a partition must not wait for its parent on the audit's account.
bool is_audited(Oid root) {
  Relation relation = RelationIdGetRelation(root);
  if (relation == nullptr) return false;
  const bool audited = table_id_in_triggers(relation) != 0;
  RelationClose(relation);
  return audited;
}

// 0 where the table is not audited.
int32 audit_of_root(Oid root) {
  if (!is_audited(root)) return 0;
  Relation relation = try_relation_open(root, AccessShareLock);
  if (relation == nullptr) return 0;
  const int32 table_id = table_id_in_triggers(relation);
  relation_close(relation, NoLock);
  return table_id;
}

struct Audited {
  Oid root;
  int32 table_id;
};

// Asked first: nobody's DDL is to pay for an audit that there is not.
bool is_anything_audited() { return pg::may_hold_rows("audited_table"); }

Audited audited_table_named(const RangeVar* name) {
  if (name == nullptr || !is_anything_audited()) return {InvalidOid, 0};
  const Oid id = RangeVarGetRelid(name, NoLock, true);
  if (!OidIsValid(id)) return {InvalidOid, 0};
  const char kind = get_rel_relkind(id);
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) return {InvalidOid, 0};
  const Oid root = root_of(id);
  return {root, audit_of_root(root)};
}

void capture_leaves(Oid relation, int32 table_id, Op op) {
  ListCell* cell = nullptr;
  foreach (cell, tables_with_rows(relation, AccessShareLock)) {
    Relation leaf = table_open(lfirst_oid(cell), NoLock);
    (void)capture_table(leaf, table_id, op, nullptr);
    table_close(leaf, NoLock);
  }
}

bool is_covered(Oid relation, int32 table_id) {
  Relation member = relation_open(relation, AccessShareLock);
  const bool covered = table_id_in_triggers(member) == table_id;
  relation_close(member, NoLock);
  return covered;
}

// --- partitions
// -----------------------------------------------------------------------------------

void take_in_new_partitions(const Audited& audited) {
  ListCell* cell = nullptr;
  foreach (cell, find_all_inheritors(audited.root, AccessShareLock, nullptr)) {
    const Oid member = lfirst_oid(cell);
    if (is_covered(member, audited.table_id)) continue;
    make_triggers(member, audited.table_id);
    CommandCounterIncrement();
    if (get_rel_relkind(member) != RELKIND_RELATION) continue;
    capture_leaves(member, audited.table_id, Op::kInsert);
  }
}

constexpr const char* kTablesWithTriggers =
    "SELECT t.tgrelid FROM pg_trigger t WHERE t.tgname = 'db_guard_audit_insert' "
    "AND t.tgfoid = 'db_guard.audit_statement()'::regprocedure AND t.tgargs = $1";

// All tables that write to that log, partitions and former ones.
List* writers_of(int32 table_id) {
  const char* text = psprintf("%d", table_id);
  const Size length = strlen(text) + 1;
  auto* argument = static_cast<bytea*>(palloc(VARHDRSZ + length));
  SET_VARSIZE(argument, VARHDRSZ + length);
  memcpy(VARDATA(argument), text, length);
  const Oid types[] = {BYTEAOID};
  const Datum values[] = {PointerGetDatum(argument)};
  List* result = NIL;
  const MemoryContext outside = CurrentMemoryContext;
  as_log_owner([&] {
    const uint64 rows = run_sql_with(kTablesWithTriggers, {1, types, values, nullptr});
    const MemoryContext inside = MemoryContextSwitchTo(outside);
    for (uint64 i = 0; i < rows; i++) {
      bool is_null = false;
      result = lappend_oid(result, DatumGetObjectId(SPI_getbinval(
                                       SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null)));
    }
    MemoryContextSwitchTo(inside);
  });
  return result;
}

void let_go_of_old_partitions(const Audited& audited) {
  List* members = find_all_inheritors(audited.root, AccessShareLock, nullptr);
  ListCell* cell = nullptr;
  foreach (cell, writers_of(audited.table_id)) {
    const Oid former = lfirst_oid(cell);
    if (list_member_oid(members, former)) continue;
    if (get_rel_relkind(former) == RELKIND_RELATION) {
      capture_leaves(former, audited.table_id, Op::kDelete);
    }
    drop_triggers(former);
  }
}

// --- ALTER TABLE
// ----------------------------------------------------------------------------------

struct Work {
  bool attaches;
  bool detaches;
  bool disables;
  bool other;

  [[nodiscard]] bool any() const { return attaches || detaches || disables || other; }
};

void note_command(Work& work, AlterTableType type) {
  switch (type) {
    // Neither the columns nor the key of any table.
    case AT_ColumnDefault:
    case AT_SetStatistics:
    case AT_SetStorage:
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
    case AT_ValidateConstraint:
      break;
    case AT_AttachPartition:
      work.attaches = true;
      break;
    case AT_DetachPartition:
    case AT_DetachPartitionFinalize:
      work.detaches = true;
      break;
    case AT_DisableTrig:
    case AT_DisableTrigAll:
    case AT_DisableTrigUser:
    case AT_EnableReplicaTrig:
      work.disables = true;
      break;
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableTrigAll:
    case AT_EnableTrigUser:
      break;
    default:
      work.other = true;
  }
}

Work work_of(const AlterTableStmt* statement) {
  Work work{};
  ListCell* cell = nullptr;
  foreach (cell, statement->cmds) note_command(work, lfirst_node(AlterTableCmd, cell)->subtype);
  return work;
}

void note_shapes(const Audited& audited) {
  ListCell* cell = nullptr;
  foreach (cell, find_all_inheritors(audited.root, AccessShareLock, nullptr)) {
    if (!is_covered(lfirst_oid(cell), audited.table_id)) continue;
    Relation member = relation_open(lfirst_oid(cell), NoLock);
    (void)target_of(member, audited.table_id);
    relation_close(member, NoLock);
  }
}

void mark_under_latest(int32 table_id, const char* kind, const char* reason) {
  PushActiveSnapshot(GetLatestSnapshot());
  add_mark(table_id, kind, reason, nullptr);
  PopActiveSnapshot();
}

constexpr const char* kDisabledTrigger =
    "SELECT FROM pg_trigger WHERE tgrelid = $1 AND tgname IN ('db_guard_audit_insert', "
    "'db_guard_audit_update', 'db_guard_audit_delete') AND tgenabled NOT IN ('O', 'A')";

void note_disabled(const Audited& audited) {
  ListCell* cell = nullptr;
  foreach (cell, find_all_inheritors(audited.root, AccessShareLock, nullptr)) {
    const Oid types[] = {OIDOID};
    const Datum values[] = {ObjectIdGetDatum(lfirst_oid(cell))};
    bool disabled = false;
    as_log_owner([&] {
      disabled = run_sql_with(kDisabledTrigger, {1, types, values, nullptr}) > 0;
    });
    if (!disabled) continue;
    mark_under_latest(audited.table_id, "gap", "its audit triggers were disabled");
    return;
  }
}

void record_rewrite(const Audited& audited) {
  if (rewritten != audited.root || rewritten_in != GetTopTransactionId()) return;
  rewritten = InvalidOid;
  PushActiveSnapshot(GetLatestSnapshot());
  (void)record_baseline(audited.root, audited.table_id, "rewrite",
                        "ALTER TABLE gave its rows other values");
  PopActiveSnapshot();
}

void follow_alter_table(const AlterTableStmt* statement) {
  const Work work = work_of(statement);
  if (!work.any()) return;
  const Audited audited = audited_table_named(statement->relation);
  if (audited.table_id == 0) return;
  CommandCounterIncrement();
  if (work.attaches) take_in_new_partitions(audited);
  if (work.detaches) let_go_of_old_partitions(audited);
  if (work.disables) note_disabled(audited);
  if (work.other) note_shapes(audited);
  record_rewrite(audited);
}

void follow_create_table(const CreateStmt* statement) {
  if (statement->partbound == nullptr) return;
  const Audited audited = audited_table_named(statement->relation);
  if (audited.table_id == 0) return;
  CommandCounterIncrement();
  take_in_new_partitions(audited);
}

void follow_rename(const RenameStmt* statement) {
  if (statement->renameType != OBJECT_COLUMN) return;
  const Audited audited = audited_table_named(statement->relation);
  if (audited.table_id == 0) return;
  CommandCounterIncrement();
  note_shapes(audited);
}

void follow(const Node* statement) {
  switch (nodeTag(statement)) {
    case T_AlterTableStmt:
      follow_alter_table(reinterpret_cast<const AlterTableStmt*>(statement));
      break;
    case T_CreateStmt:
      follow_create_table(reinterpret_cast<const CreateStmt*>(statement));
      break;
    case T_RenameStmt:
      follow_rename(reinterpret_cast<const RenameStmt*>(statement));
      break;
    default:
      break;
  }
}

// --- drops
// ----------------------------------------------------------------------------------------

// A partition whose rows are recorded leaves no gap.
void remember_drop(Oid partition) {
  if (recorded_in != GetTopTransactionId()) recorded_drops = NIL;
  recorded_in = GetTopTransactionId();
  const MemoryContext before = MemoryContextSwitchTo(TopTransactionContext);
  recorded_drops =
      list_concat(recorded_drops, find_all_inheritors(partition, AccessExclusiveLock, nullptr));
  MemoryContextSwitchTo(before);
}

void record_dropped_partition(const List* name) {
  RangeVar* range = makeRangeVarFromNameList(const_cast<List*>(name));
  const Oid id = RangeVarGetRelid(range, NoLock, true);
  if (!OidIsValid(id) || !get_rel_relispartition(id)) return;
  const Audited audited = audited_table_named(range);
  if (audited.table_id == 0 || !pg::owns_relation(id)) return;
  // DROP TABLE takes it anyway; until then nobody must write what nobody records.
  LockRelationOid(id, AccessExclusiveLock);
  if (get_rel_name(id) == nullptr) return;
  capture_leaves(id, audited.table_id, Op::kDelete);
  remember_drop(id);
}

void record_dropped_partitions(const DropStmt* statement) {
  if (statement->removeType != OBJECT_TABLE || !is_anything_audited()) return;
  ListCell* cell = nullptr;
  foreach (cell, statement->objects) record_dropped_partition(lfirst_node(List, cell));
}

// What this command has dropped and what it was of.
constexpr const char* kDroppedMembers =
    "SELECT DISTINCT s.table_id, s.relation FROM pg_event_trigger_dropped_objects() d "
    "JOIN db_guard.audit_shape s ON (d.object_type = 'table' AND s.relation = d.objid) "
    "OR (d.object_type = 'trigger' AND d.address_names[3] LIKE 'db\\_guard\\_audit\\_%' "
    "AND s.relation_name = quote_ident(d.address_names[1]) || '.' || "
    "quote_ident(d.address_names[2])) "
    "JOIN db_guard.audited_table a ON a.table_id = s.table_id AND a.enabled";
constexpr const char* kOrphans =
    "UPDATE db_guard.audited_table a SET enabled = false WHERE a.enabled AND NOT EXISTS "
    "(SELECT FROM pg_trigger t WHERE t.tgname = 'db_guard_audit_insert' "
    "AND t.tgargs = (a.table_id::text || '\\000')::bytea) RETURNING a.table_id";

bool is_recorded_drop(HeapTuple row, TupleDesc desc) {
  if (desc->natts < 2 || recorded_in != GetTopTransactionId()) return false;
  bool is_null = false;
  return list_member_oid(recorded_drops, DatumGetObjectId(SPI_getbinval(row, desc, 2, &is_null)));
}

// The numbers in the first column; a second one names the relation that it is about.
List* table_ids_from(const char* sql) {
  List* result = NIL;
  const MemoryContext outside = CurrentMemoryContext;
  as_log_owner([&] {
    const uint64 rows = run_sql_with(sql, {0, nullptr, nullptr, nullptr});
    const MemoryContext inside = MemoryContextSwitchTo(outside);
    for (uint64 i = 0; i < rows; i++) {
      HeapTuple row = SPI_tuptable->vals[i];
      if (is_recorded_drop(row, SPI_tuptable->tupdesc)) continue;
      bool is_null = false;
      const Datum table_id = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null);
      result = list_append_unique_int(result, DatumGetInt32(table_id));
    }
    MemoryContextSwitchTo(inside);
  });
  return result;
}

void follow_drops() {
  if (!is_anything_audited()) return;
  List* members = table_ids_from(kDroppedMembers);
  List* gone = table_ids_from(kOrphans);
  ListCell* cell = nullptr;
  foreach (cell, gone)
    mark_under_latest(lfirst_int(cell), "end", "the table or its triggers were dropped");
  foreach (cell, members) {
    if (list_member_int(gone, lfirst_int(cell))) continue;
    mark_under_latest(lfirst_int(cell), "gap", "a partition or an audit trigger was dropped");
  }
}

bool is_out_of_place() { return creating_extension || IsBinaryUpgrade || runs_own_statements(); }

const EventTriggerData* event_data(FunctionCallInfo fcinfo, const char* function) {
  if (CALLED_AS_EVENT_TRIGGER(fcinfo)) return reinterpret_cast<EventTriggerData*>(fcinfo->context);
  ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                  errmsg("db_guard.%s can only be called as an event trigger", function),
                  errhint("CREATE EXTENSION db_guard makes its event triggers.")));
  return nullptr;
}

void note_rewrite() {
  if (!is_anything_audited()) return;
  constexpr int kNewValues = AT_REWRITE_DEFAULT_VAL | AT_REWRITE_COLUMN_REWRITE;
  const int reason = DatumGetInt32(DirectFunctionCall1(pg_event_trigger_table_rewrite_reason, 0));
  if ((reason & kNewValues) == 0) return;
  const Oid id = DatumGetObjectId(DirectFunctionCall1(pg_event_trigger_table_rewrite_oid, 0));
  rewritten = root_of(id);
  rewritten_in = GetTopTransactionId();
}

}  // namespace

}  // namespace db_guard::rowaudit

Datum db_guard_audit_ddl_start(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  const EventTriggerData* data = event_data(fcinfo, "audit_ddl_start");
  if (!is_out_of_place() && IsA(data->parsetree, DropStmt)) {
    record_dropped_partitions(reinterpret_cast<DropStmt*>(data->parsetree));
  }
  return PointerGetDatum(nullptr);
}

Datum db_guard_audit_ddl_end(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  const EventTriggerData* data = event_data(fcinfo, "audit_ddl_end");
  if (!is_out_of_place()) follow(data->parsetree);
  return PointerGetDatum(nullptr);
}

Datum db_guard_audit_table_rewrite(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  (void)event_data(fcinfo, "audit_table_rewrite");
  if (!is_out_of_place()) note_rewrite();
  return PointerGetDatum(nullptr);
}

Datum db_guard_audit_drop(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  (void)event_data(fcinfo, "audit_drop");
  if (!is_out_of_place()) follow_drops();
  return PointerGetDatum(nullptr);
}
