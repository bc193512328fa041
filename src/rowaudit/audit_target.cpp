#include "rowaudit/audit_target.hpp"

#include "rowaudit/audit_tables.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace db_guard::rowaudit {

namespace {

HTAB* targets = nullptr;

// Columns of db_guard.audited_table that matter here.
constexpr AttrNumber kTableId = 1;
constexpr AttrNumber kIgnoreColumns = 4;
constexpr AttrNumber kRedactColumns = 5;

void forget_target(Datum, Oid relation) {
  if (!OidIsValid(relation)) {
    forget_targets();
    return;
  }
  auto* target = static_cast<Target*>(hash_search(targets, &relation, HASH_FIND, nullptr));
  if (target != nullptr) target->valid = false;
}

HTAB* target_table() {
  if (targets != nullptr) return targets;
  HASHCTL control{};
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(Target);
  control.hcxt = TopMemoryContext;
  targets =
      hash_create("db_guard audited tables", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  CacheRegisterRelcacheCallback(forget_target, 0);
  return targets;
}

ArrayType* array_at(HeapTuple row, TupleDesc desc, AttrNumber column) {
  bool is_null = false;
  const Datum value = heap_getattr(row, column, desc, &is_null);
  return is_null ? nullptr : DatumGetArrayTypePCopy(value);
}

void report_unknown(Relation relation, int32 table_id) {
  ereport(
      ERROR,
      (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
       errmsg("table \"%s\" has triggers of an audit that this database does not know",
              RelationGetRelationName(relation)),
       errdetail("db_guard.audited_table has no row %d, as after restoring the table alone into "
                 "another database.",
                 table_id),
       errhint("Its owner can begin a new audit with SELECT db_guard.enable_audit(...), or remove "
               "the triggers with SELECT db_guard.disable_audit(...)."),
       errtable(relation)));
}

ColumnLists read_lists(Relation relation, int32 table_id) {
  Relation table = table_open(own_relation(OwnRelation::kTable), AccessShareLock);
  ScanKeyData condition;
  ScanKeyInit(&condition, kTableId, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(table_id));
  const Oid index = get_relname_relid("audited_table_pkey", RelationGetNamespace(table));
  SysScanDesc scan = systable_beginscan(table, index, true, nullptr, 1, &condition);
  HeapTuple row = systable_getnext(scan);
  ColumnLists lists{};
  const bool found = HeapTupleIsValid(row);
  if (found) {
    lists.ignored = array_at(row, RelationGetDescr(table), kIgnoreColumns);
    lists.redacted = array_at(row, RelationGetDescr(table), kRedactColumns);
  }
  systable_endscan(scan);
  table_close(table, AccessShareLock);
  if (!found) report_unknown(relation, table_id);
  return lists;
}

void release(Target* target) {
  // A statement that this one interrupts may be in the middle of its rows.
  if (target->memory != nullptr) MemoryContextSetParent(target->memory, TopTransactionContext);
  target->memory = nullptr;
}

void fill(Target* target, Relation relation, int32 table_id) {
  release(target);
  const Shape* shape = current_shape(relation, table_id, read_lists(relation, table_id));
  target->memory =
      AllocSetContextCreate(CacheMemoryContext, "db_guard audited table", ALLOCSET_SMALL_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(target->memory);
  // A copy is not counted: the slots outlive the statement.
  TupleDesc desc = CreateTupleDescCopyConstr(RelationGetDescr(relation));
  target->before = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
  target->after = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
  MemoryContextSwitchTo(before);
  target->table_id = table_id;
  target->shape = shape;
  target->valid = true;
}

}  // namespace

void forget_targets() {
  if (targets == nullptr) return;
  HASH_SEQ_STATUS status;
  hash_seq_init(&status, targets);
  while (auto* target = static_cast<Target*>(hash_seq_search(&status))) target->valid = false;
}

Target* target_of(::Relation relation, int32 table_id) {
  Oid id = RelationGetRelid(relation);
  bool known = false;
  auto* target = static_cast<Target*>(hash_search(target_table(), &id, HASH_ENTER, &known));
  if (!known) {
    target->valid = false;
    target->memory = nullptr;
  }
  // Looking it up may itself bring news.
  while (!target->valid || target->table_id != table_id) fill(target, relation, table_id);
  return target;
}

}  // namespace db_guard::rowaudit
