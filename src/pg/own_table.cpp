#include "pg/own_table.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(db_guard_tell_of_rows);
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

namespace {

// Tables found empty. One that is asked about and finds no place here is looked at each time.
struct EmptyTable {
  char name[NAMEDATALEN];
  Oid id;  // InvalidOid: the place is free
};
EmptyTable empty_tables[4];

void forget_empty_table(Datum, Oid relation) {
  for (EmptyTable& table : empty_tables) {
    if (!OidIsValid(relation) || table.id == relation) table.id = InvalidOid;
  }
}

bool is_known_empty(const char* name) {
  for (const EmptyTable& table : empty_tables) {
    if (OidIsValid(table.id) && strcmp(table.name, name) == 0) return true;
  }
  return false;
}

void remember_empty_table(const char* name, Oid id) {
  static bool follows_changes = false;
  if (!follows_changes) CacheRegisterRelcacheCallback(forget_empty_table, 0);
  follows_changes = true;
  for (EmptyTable& table : empty_tables) {
    if (OidIsValid(table.id)) continue;
    strlcpy(table.name, name, sizeof(table.name));
    table.id = id;
    return;
  }
}

}  // namespace

bool may_hold_rows(const char* own_table) {
  if (is_known_empty(own_table)) return false;
  const Oid id = own_table_named(own_table);
  if (!OidIsValid(id)) return false;
  if (!ConditionalLockRelationOid(id, AccessShareLock)) return true;
  ::Relation table = try_relation_open(id, NoLock);
  if (table == nullptr) return false;
  const bool any = RelationGetNumberOfBlocks(table) > 0;
  relation_close(table, AccessShareLock);
  if (!any) remember_empty_table(own_table, id);
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

using namespace db_guard;

Datum db_guard_tell_of_rows(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("this function can only be called by a trigger"),
                    errhint("CREATE EXTENSION db_guard installs the triggers.")));
  }
  CacheInvalidateRelcache(reinterpret_cast<TriggerData*>(fcinfo->context)->tg_relation);
  return PointerGetDatum(nullptr);
}
