#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

int read_keys(::Relation catalog, HeapTuple tuple, AttrNumber column, AttrNumber* keys) {
  bool is_null = false;
  const Datum value = heap_getattr(tuple, column, RelationGetDescr(catalog), &is_null);
  if (is_null) return 0;
  ArrayType* array = DatumGetArrayTypeP(value);
  const int count = ARR_NDIM(array) == 0 ? 0 : Min(ARR_DIMS(array)[0], INDEX_MAX_KEYS);
  memcpy(keys, ARR_DATA_PTR(array), count * sizeof(AttrNumber));
  return count;
}

ConstraintFacts* facts_of(::Relation catalog, HeapTuple tuple) {
  const auto* form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
  auto* facts = static_cast<ConstraintFacts*>(palloc0(sizeof(ConstraintFacts)));
  facts->id = form->oid;
  facts->type = form->contype;
  facts->validated = form->convalidated;
  facts->enforced = is_enforced(*form);
  facts->inherited = form->coninhcount > 0 && !form->conislocal;
  facts->inherit_count = form->coninhcount;
  facts->no_inherit = form->connoinherit;
  facts->deferrable = form->condeferrable;
  facts->deferred = form->condeferred;
  facts->table = form->conrelid;
  facts->referenced = form->confrelid;
  facts->index = form->conindid;
  facts->parent = form->conparentid;
  facts->name = pstrdup(NameStr(form->conname));
  facts->on_update = form->confupdtype;
  facts->on_delete = form->confdeltype;
  facts->match = form->confmatchtype;
  facts->columns = read_keys(catalog, tuple, Anum_pg_constraint_conkey, facts->keys);
  (void)read_keys(catalog, tuple, Anum_pg_constraint_confkey, facts->referenced_keys);
  return facts;
}

List* scan_constraints(AttrNumber column, Oid value, Oid index) {
  List* found = NIL;
  ::Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
  SysScanDesc scan = systable_beginscan(catalog, index, OidIsValid(index), nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    found = lappend(found, facts_of(catalog, tuple));
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

}  // namespace

ConstraintFacts* read_constraint(Oid id) {
  List* found = scan_constraints(Anum_pg_constraint_oid, id, ConstraintOidIndexId);
  return found != NIL ? static_cast<ConstraintFacts*>(linitial(found)) : nullptr;
}

List* constraints_of(Oid table) {
  return scan_constraints(Anum_pg_constraint_conrelid, table, ConstraintRelidTypidNameIndexId);
}

List* keys_that_reference(Oid table) {
  // The server has no index for this either.
  return scan_constraints(Anum_pg_constraint_confrelid, table, InvalidOid);
}

List* children_of_constraint(Oid constraint) {
  return scan_constraints(Anum_pg_constraint_conparentid, constraint, ConstraintParentIndexId);
}

ConstraintFacts* find_constraint(Oid table, const char* name) {
  ListCell* cell = nullptr;
  foreach (cell, constraints_of(table)) {
    auto* facts = static_cast<ConstraintFacts*>(lfirst(cell));
    if (strcmp(facts->name, name) == 0) return facts;
  }
  return nullptr;
}

ConstraintFacts* find_not_null(Oid table, const char* column) {
  const AttrNumber number = get_attnum(table, column);
  ListCell* cell = nullptr;
  foreach (cell, constraints_of(table)) {
    auto* facts = static_cast<ConstraintFacts*>(lfirst(cell));
    if (facts->type == 'n' && facts->keys[0] == number) return facts;
  }
  return nullptr;
}

}  // namespace db_guard::effects
