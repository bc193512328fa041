#include "effects/dependencies.hpp"

#include "effects/effects_version.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "catalog/pg_shdepend.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace db_guard::effects {

bool locks_what_is_depended_on() {
  const char* text = GetConfigOption("server_version_num", true, false);
  const int version = text != nullptr ? atoi(text) : 0;
  const int minor = version % 10000;
  switch (version / 10000) {
    case 15:
      return minor >= 19;
    case 16:
      return minor >= 15;
    case 17:
      return minor >= 11;
    case 18:
      return minor >= 5;
    default:
      return true;
  }
}

void lock_dependency(Prediction& prediction, Oid relation) {
  if (locks_what_is_depended_on()) add_lock(prediction, relation, AccessShareLock);
}

List* relations_behind(Oid catalog, Oid object) {
  List* relations = NIL;
  ::Relation depend = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(catalog));
  ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(object));
  SysScanDesc scan = systable_beginscan(depend, DependDependerIndexId, true, nullptr, 2, keys);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    if (row->refclassid == RelationRelationId)
      relations = list_append_unique_oid(relations, row->refobjid);
  }
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
  return relations;
}

List* dependents_of_role(Oid role) {
  List* dependents = NIL;
  ::Relation shared = table_open(SharedDependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_shdepend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(AuthIdRelationId));
  ScanKeyInit(&keys[1], Anum_pg_shdepend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(role));
  SysScanDesc scan =
      systable_beginscan(shared, SharedDependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* row = reinterpret_cast<Form_pg_shdepend>(GETSTRUCT(tuple));
    if (row->dbid != MyDatabaseId) continue;
    auto* dependent = static_cast<RoleDependent*>(palloc(sizeof(RoleDependent)));
    *dependent = {row->classid, row->objid, row->deptype};
    dependents = lappend(dependents, dependent);
  }
  systable_endscan(scan);
  table_close(shared, AccessShareLock);
  return dependents;
}

List* relations_behind_defaults(Oid table) {
  List* relations = NIL;
  ::Relation defaults = table_open(AttrDefaultRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_attrdef_adrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(table));
  SysScanDesc scan = systable_beginscan(defaults, AttrDefaultIndexId, true, nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const Oid id = reinterpret_cast<Form_pg_attrdef>(GETSTRUCT(tuple))->oid;
    relations = list_concat_unique_oid(relations, relations_behind(AttrDefaultRelationId, id));
  }
  systable_endscan(scan);
  table_close(defaults, AccessShareLock);
  return relations;
}

void lock_dependencies_of(Prediction& prediction, Oid catalog, Oid object) {
  ListCell* cell = nullptr;
  foreach (cell, relations_behind(catalog, object)) lock_dependency(prediction, lfirst_oid(cell));
}

void lock_dependencies_of_defaults(Prediction& prediction, Oid table) {
  ListCell* cell = nullptr;
  foreach (cell, relations_behind_defaults(table)) lock_dependency(prediction, lfirst_oid(cell));
}

void lock_column_type(Prediction& prediction, Oid type) {
  check_stack_depth();
  const Oid element = get_element_type(type);
  switch (get_typtype(type)) {
    case TYPTYPE_COMPOSITE:
      lock_dependency(prediction, get_typ_typrelid(type));
      lock_column_types(prediction, get_typ_typrelid(type));
      break;
    case TYPTYPE_DOMAIN:
      lock_column_type(prediction, getBaseType(type));
      break;
    case TYPTYPE_RANGE:
      lock_column_type(prediction, get_range_subtype(type));
      break;
    default:
      if (OidIsValid(element)) lock_column_type(prediction, element);
      break;
  }
}

void lock_column_types(Prediction& prediction, Oid table) {
  ::Relation relation = RelationIdGetRelation(table);
  if (relation == nullptr) return;
  const TupleDesc columns = RelationGetDescr(relation);
  for (int i = 0; i < columns->natts; i++) {
    const FormData_pg_attribute* column = TupleDescAttr(columns, i);
    if (!column->attisdropped) lock_column_type(prediction, column->atttypid);
  }
  RelationClose(relation);
}

}  // namespace db_guard::effects
