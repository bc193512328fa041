#include "pg/own_table.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace db_guard::pg {

namespace {

Oid own_table_named(const char* name) {
  const Oid schema = get_namespace_oid("db_guard", true);
  return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

bool has_shape(TupleDesc shape, const OwnTable& table) {
  if (shape->natts != table.columns) return false;
  for (int i = 0; i < shape->natts; i++) {
    if (TupleDescAttr(shape, i)->atttypid != table.types[i]) return false;
  }
  return true;
}

struct Receiver {
  RowReader reader;
  void* argument;
};

void scan(::Relation table, Oid index, ScanKey condition, const Receiver& receiver) {
  const Snapshot snapshot = ActiveSnapshotSet() ? GetActiveSnapshot() : nullptr;
  SysScanDesc scan = systable_beginscan(table, index, OidIsValid(index), snapshot,
                                        condition != nullptr ? 1 : 0, condition);
  HeapTuple row = nullptr;
  while (HeapTupleIsValid(row = systable_getnext(scan))) {
    receiver.reader(row, RelationGetDescr(table), receiver.argument);
  }
  systable_endscan(scan);
}

}  // namespace

::Relation open_own_table(const OwnTable& table, const char** problem) {
  *problem = nullptr;
  const Oid id = own_table_named(table.name);
  if (!OidIsValid(id)) return nullptr;
  if (!ConditionalLockRelationOid(id, AccessShareLock)) {
    *problem = psprintf("another session has db_guard.%s locked", table.name);
    return nullptr;
  }
  ::Relation relation = try_relation_open(id, NoLock);
  if (relation == nullptr) return nullptr;
  if (relation->rd_rel->relkind == RELKIND_RELATION &&
      has_shape(RelationGetDescr(relation), table)) {
    return relation;
  }
  relation_close(relation, AccessShareLock);
  *problem = psprintf("db_guard.%s has been altered", table.name);
  return nullptr;
}

bool may_hold_rows(const char* own_table) {
  const Oid id = own_table_named(own_table);
  if (!OidIsValid(id)) return false;
  if (!ConditionalLockRelationOid(id, AccessShareLock)) return true;
  ::Relation table = try_relation_open(id, NoLock);
  if (table == nullptr) return false;
  const bool any = RelationGetNumberOfBlocks(table) > 0;
  relation_close(table, AccessShareLock);
  return any;
}

void read_rows(::Relation table, RowReader reader, void* argument) {
  scan(table, InvalidOid, nullptr, {reader, argument});
}

void read_rows_of_key(::Relation table, const char* index, std::int64_t key, RowReader reader,
                      void* argument) {
  ScanKeyData condition;
  ScanKeyInit(&condition, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
  const Oid id = get_relname_relid(index, RelationGetNamespace(table));
  scan(table, id, &condition, {reader, argument});
}

void close_own_table(::Relation table) { table_close(table, AccessShareLock); }

const char* text_of_column(HeapTuple row, TupleDesc shape, int column) {
  bool is_null = false;
  const Datum value = heap_getattr(row, column + 1, shape, &is_null);
  return is_null ? nullptr : TextDatumGetCString(value);
}

}  // namespace db_guard::pg
