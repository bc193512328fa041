// The server takes ACCESS SHARE on every relation that something new is recorded to depend on: the
// sequence that a default expression names, for example.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

bool lock_constant(Node* node, Prediction* prediction) {
  if (node == nullptr) return false;
  if (IsA(node, Const)) {
    const auto* constant = reinterpret_cast<const Const*>(node);
    if (constant->consttype == REGCLASSOID && !constant->constisnull) {
      add_lock(*prediction, DatumGetObjectId(constant->constvalue), AccessShareLock);
    }
    return false;
  }
  return walk_expression(node, lock_constant, prediction);
}

void lock_attributes(Prediction& prediction, Oid relation) {
  for (AttrNumber number = 1;; number++) {
    const char* name = get_attname(relation, number, true);
    if (name == nullptr) return;
    if (get_attnum(relation, name) != number) continue;  // it is dropped
    lock_row_types(prediction, get_atttype(relation, number));
  }
}

}  // namespace

// As the server opens them to see that no type contains itself.
void lock_row_types(Prediction& prediction, Oid type) {
  const Oid element = get_base_element_type(type);
  const Oid base = getBaseType(OidIsValid(element) ? element : type);
  if (get_typtype(base) != TYPTYPE_COMPOSITE) return;
  check_stack_depth();
  const Oid relation = get_typ_typrelid(base);
  add_lock(prediction, relation, AccessShareLock);
  lock_attributes(prediction, relation);
}

void lock_named_relations(Prediction& prediction, Node* expression) {
  (void)lock_constant(expression, &prediction);
}

void lock_relations_of_default(Prediction& prediction, Oid relation, AttrNumber column) {
  const Oid id = GetAttrDefaultOid(relation, column);
  if (!OidIsValid(id)) return;
  ::Relation catalog = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(AttrDefaultRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(id));
  SysScanDesc scan = systable_beginscan(catalog, DependDependerIndexId, true, nullptr, 2, keys);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    if (form->refclassid != RelationRelationId) continue;
    add_lock(prediction, form->refobjid, AccessShareLock);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

}  // namespace db_guard::effects
