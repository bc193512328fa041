#include "effects/alter_deletion.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "partitioning/partdesc.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

struct Deletion {
  Prediction& prediction;
  List* doomed;    // ObjectAddress*
  List* clinging;  // ObjectAddress* that hold on to something doomed, and may yet go another way
  bool cascade;
};

struct Dependency {
  ObjectAddress object;
  char type;
};

bool same_object(const ObjectAddress& one, Oid catalog, Oid object, int32 part) {
  return one.classId == catalog && one.objectId == object && one.objectSubId == part;
}

// The whole object covers its parts.
bool is_doomed(const List* doomed, const ObjectAddress& object) {
  return contains_object(doomed, object.classId, object.objectId, object.objectSubId) ||
         contains_object(doomed, object.classId, object.objectId, 0);
}

List* scan_dependencies(const ObjectAddress& object, bool of_dependents) {
  List* found = NIL;
  ::Relation catalog = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], of_dependents ? Anum_pg_depend_refclassid : Anum_pg_depend_classid,
              BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object.classId));
  ScanKeyInit(&keys[1], of_dependents ? Anum_pg_depend_refobjid : Anum_pg_depend_objid,
              BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object.objectId));
  ScanKeyInit(&keys[2], of_dependents ? Anum_pg_depend_refobjsubid : Anum_pg_depend_objsubid,
              BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(object.objectSubId));
  SysScanDesc scan =
      systable_beginscan(catalog, of_dependents ? DependReferenceIndexId : DependDependerIndexId,
                         true, nullptr, object.objectSubId != 0 ? 3 : 2, keys);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    auto* dependency = static_cast<Dependency*>(palloc(sizeof(Dependency)));
    dependency->type = form->deptype;
    dependency->object = of_dependents
                             ? ObjectAddress{form->classid, form->objid, form->objsubid}
                             : ObjectAddress{form->refclassid, form->refobjid, form->refobjsubid};
    found = lappend(found, dependency);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

// An OID column of a catalog without a syscache, found by the row's own OID.
Oid read_owner(Oid catalog_id, Oid oid_index, AttrNumber oid_column, AttrNumber owner_column,
               Oid object) {
  Oid owner = InvalidOid;
  ::Relation catalog = table_open(catalog_id, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, oid_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
  SysScanDesc scan = systable_beginscan(catalog, oid_index, true, nullptr, 1, &key);
  HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    bool is_null = false;
    owner =
        DatumGetObjectId(heap_getattr(tuple, owner_column, RelationGetDescr(catalog), &is_null));
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return owner;
}

Oid table_of_constraint(Oid constraint) {
  Oid table = InvalidOid;
  pg::read_syscache<Form_pg_constraint>(CONSTROID, ObjectIdGetDatum(constraint),
                                        [&](auto* form, HeapTuple) { table = form->conrelid; });
  return table;
}

// The relation that loses a rule, trigger, default and the like; it is locked for that.
Oid owner_of(const ObjectAddress& object) {
  switch (object.classId) {
    case ConstraintRelationId:
      return table_of_constraint(object.objectId);
    case TriggerRelationId:
      return read_owner(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid,
                        Anum_pg_trigger_tgrelid, object.objectId);
    case RewriteRelationId:
      return read_owner(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid,
                        Anum_pg_rewrite_ev_class, object.objectId);
    case PolicyRelationId:
      return read_owner(PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid,
                        Anum_pg_policy_polrelid, object.objectId);
    case AttrDefaultRelationId:
      return read_owner(AttrDefaultRelationId, AttrDefaultOidIndexId, Anum_pg_attrdef_oid,
                        Anum_pg_attrdef_adrelid, object.objectId);
    case StatisticExtRelationId:
      return read_owner(StatisticExtRelationId, StatisticExtOidIndexId, Anum_pg_statistic_ext_oid,
                        Anum_pg_statistic_ext_stxrelid, object.objectId);
    default:
      return InvalidOid;
  }
}

void lock_relation(Prediction& prediction, Oid relation) {
  const char kind = get_rel_relkind(relation);
  if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX) {
    add_lock(prediction, IndexGetRelation(relation, true), AccessExclusiveLock);
  }
  add_lock(prediction, relation, AccessExclusiveLock);
}

// Dropping a partition changes the parent, and the constraint of the default partition.
void lock_parent(Prediction& prediction, Oid relation) {
  if (get_rel_relkind(relation) == RELKIND_INDEX || !get_rel_relispartition(relation)) return;
  const Oid parent = get_partition_parent(relation, true);
  if (!OidIsValid(parent)) return;
  add_lock(prediction, parent, AccessExclusiveLock);
  if (get_rel_relkind(parent) != RELKIND_PARTITIONED_TABLE) return;
  add_lock(prediction, get_default_partition_oid(parent), AccessExclusiveLock);
}

void lock_for_removal(Prediction& prediction, const ObjectAddress& object) {
  if (object.classId != RelationRelationId) {
    const bool statistics = object.classId == StatisticExtRelationId;
    add_lock(prediction, owner_of(object),
             statistics ? ShareUpdateExclusiveLock : AccessExclusiveLock);
    return;
  }
  lock_relation(prediction, object.objectId);
  if (object.objectSubId == 0) lock_parent(prediction, object.objectId);
}

void doom(Deletion& deletion, const ObjectAddress& object);

void doom_dependent(Deletion& deletion, Dependency& dependency) {
  if (is_doomed(deletion.doomed, dependency.object)) return;
  if (dependency.type != DEPENDENCY_NORMAL || deletion.cascade) {
    doom(deletion, dependency.object);
  } else {
    deletion.clinging = lappend(deletion.clinging, &dependency.object);
  }
}

// What is an internal part of something goes with it.
void doom_owner(Deletion& deletion, const ObjectAddress& object) {
  ListCell* cell = nullptr;
  foreach (cell, scan_dependencies(object, false)) {
    const auto* owner = static_cast<const Dependency*>(lfirst(cell));
    if (owner->type != DEPENDENCY_INTERNAL || is_doomed(deletion.doomed, owner->object)) continue;
    doom(deletion, owner->object);
  }
}

void doom(Deletion& deletion, const ObjectAddress& object) {
  deletion.doomed =
      lappend(deletion.doomed, object_address(object.classId, object.objectId, object.objectSubId));
  lock_for_removal(deletion.prediction, object);
  doom_owner(deletion, object);
  ListCell* cell = nullptr;
  foreach (cell, scan_dependencies(object, true)) {
    doom_dependent(deletion, *static_cast<Dependency*>(lfirst(cell)));
  }
}

}  // namespace

ObjectAddress* object_address(Oid catalog, Oid object, int32 part) {
  auto* address = static_cast<ObjectAddress*>(palloc(sizeof(ObjectAddress)));
  *address = {catalog, object, part};
  return address;
}

bool contains_object(const List* objects, Oid catalog, Oid object, int32 part) {
  ListCell* cell = nullptr;
  foreach (cell, objects) {
    if (same_object(*static_cast<const ObjectAddress*>(lfirst(cell)), catalog, object, part)) {
      return true;
    }
  }
  return false;
}

List* predict_deletion(Prediction& prediction, List* objects, DropBehavior behavior) {
  Deletion deletion{prediction, NIL, NIL, behavior == DROP_CASCADE};
  ListCell* cell = nullptr;
  foreach (cell, objects) {
    const auto* object = static_cast<const ObjectAddress*>(lfirst(cell));
    if (!is_doomed(deletion.doomed, *object)) doom(deletion, *object);
  }
  foreach (cell, deletion.clinging) {
    if (is_doomed(deletion.doomed, *static_cast<const ObjectAddress*>(lfirst(cell)))) continue;
    server_refuses(prediction, "other objects depend on what is dropped");
  }
  return deletion.doomed;
}

}  // namespace db_guard::effects
