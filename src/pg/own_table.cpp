#include "pg/own_table.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace db_guard::pg {

namespace {

bool has_shape(TupleDesc shape, const OwnTable& table) {
  if (shape->natts != table.columns) return false;
  for (int i = 0; i < shape->natts; i++) {
    if (TupleDescAttr(shape, i)->atttypid != table.types[i]) return false;
  }
  return true;
}

}  // namespace

::Relation open_own_table(const OwnTable& table, const char** problem) {
  *problem = nullptr;
  const Oid schema = get_namespace_oid("db_guard", true);
  const Oid id = OidIsValid(schema) ? get_relname_relid(table.name, schema) : InvalidOid;
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

void read_rows(::Relation table, void (*reader)(HeapTuple row, TupleDesc shape, void* argument),
               void* argument) {
  SysScanDesc scan = systable_beginscan(
      table, InvalidOid, false, ActiveSnapshotSet() ? GetActiveSnapshot() : nullptr, 0, nullptr);
  HeapTuple row = nullptr;
  while (HeapTupleIsValid(row = systable_getnext(scan))) {
    reader(row, RelationGetDescr(table), argument);
  }
  systable_endscan(scan);
}

void close_own_table(::Relation table) { table_close(table, AccessShareLock); }

const char* text_of_column(HeapTuple row, TupleDesc shape, int column) {
  bool is_null = false;
  const Datum value = heap_getattr(row, column + 1, shape, &is_null);
  return is_null ? nullptr : TextDatumGetCString(value);
}

}  // namespace db_guard::pg
