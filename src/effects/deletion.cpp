#include "effects/deletion.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace db_guard::effects {

namespace {

// Why an object goes away. Several reasons may hold.
enum Reason : unsigned {
  kAsked = 1,
  kNormal = 2,  // needs CASCADE
  kAutomatic = 4,
  kReverse = 8,        // owns something that goes away
  kPartOfAWhole = 16,  // has owners of the partition kind ...
  kWithTheWhole = 32,  // ... and one of them goes away
};

struct Doomed {
  ObjectAddress address;  // the key
  unsigned reasons;
  bool being_visited;
};

struct Closure {
  Prediction* prediction;
  const Deletion* deletion;
  HTAB* doomed;
  ::Relation depend;
};

struct Dependent {
  ObjectAddress address;
  unsigned reason;
};

bool is_same(const ObjectAddress& one, const ObjectAddress& other) {
  return one.classId == other.classId && one.objectId == other.objectId &&
         (one.objectSubId == other.objectSubId || one.objectSubId == 0);
}

bool is_wanted(const Deletion& deletion, const ObjectAddress& address) {
  ListCell* cell = nullptr;
  foreach (cell, deletion.wanted) {
    if (is_same(*static_cast<const ObjectAddress*>(lfirst(cell)), address)) return true;
  }
  return false;
}

// The object, or the whole that it is a column of.
Doomed* find_doomed(const Closure& closure, const ObjectAddress& address) {
  auto* found = static_cast<Doomed*>(hash_search(closure.doomed, &address, HASH_FIND, nullptr));
  if (found != nullptr || address.objectSubId == 0) return found;
  ObjectAddress whole = address;
  whole.objectSubId = 0;
  return static_cast<Doomed*>(hash_search(closure.doomed, &whole, HASH_FIND, nullptr));
}

SysScanDesc scan_depend(const Closure& closure, const ObjectAddress& object, bool of_dependents) {
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], of_dependents ? Anum_pg_depend_refclassid : Anum_pg_depend_classid,
              BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object.classId));
  ScanKeyInit(&keys[1], of_dependents ? Anum_pg_depend_refobjid : Anum_pg_depend_objid,
              BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object.objectId));
  ScanKeyInit(&keys[2], of_dependents ? Anum_pg_depend_refobjsubid : Anum_pg_depend_objsubid,
              BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(object.objectSubId));
  return systable_beginscan(closure.depend,
                            of_dependents ? DependReferenceIndexId : DependDependerIndexId, true,
                            nullptr, object.objectSubId == 0 ? 2 : 3, keys);
}

bool is_own_column(const ObjectAddress& object, const ObjectAddress& other) {
  return object.objectSubId == 0 && object.classId == other.classId &&
         object.objectId == other.objectId;
}

unsigned reason_of(char deptype) {
  switch (deptype) {
    case DEPENDENCY_NORMAL:
      return kNormal;
    case DEPENDENCY_PARTITION_PRI:
    case DEPENDENCY_PARTITION_SEC:
      return kWithTheWhole;
    default:
      return kAutomatic;
  }
}

struct Owners {
  List* whole;       // ObjectAddress*, of which the object is a part
  bool partitioned;  // has owners of the partition kind
};

Owners owners_of(const Closure& closure, const ObjectAddress& object) {
  Owners owners{};
  SysScanDesc scan = scan_depend(closure, object, false);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    const ObjectAddress other = {row->refclassid, row->refobjid, row->refobjsubid};
    if (is_own_column(object, other)) continue;
    if (row->deptype == DEPENDENCY_PARTITION_PRI || row->deptype == DEPENDENCY_PARTITION_SEC) {
      owners.partitioned = true;
    } else if (row->deptype == DEPENDENCY_INTERNAL || row->deptype == DEPENDENCY_EXTENSION) {
      auto* owner = static_cast<ObjectAddress*>(palloc(sizeof(ObjectAddress)));
      *owner = other;
      owners.whole = lappend(owners.whole, owner);
    }
  }
  systable_endscan(scan);
  return owners;
}

List* dependents_of(const Closure& closure, const ObjectAddress& object) {
  List* dependents = NIL;
  SysScanDesc scan = scan_depend(closure, object, true);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    const ObjectAddress other = {row->classid, row->objid, row->objsubid};
    if (is_own_column(object, other)) continue;
    auto* dependent = static_cast<Dependent*>(palloc(sizeof(Dependent)));
    *dependent = {other, reason_of(row->deptype)};
    dependents = lappend(dependents, dependent);
  }
  systable_endscan(scan);
  return dependents;
}

void refuse_part(const Closure& closure, const ObjectAddress& part, const ObjectAddress& owner) {
  server_refuses(*closure.prediction,
                 psprintf("cannot drop %s because %s requires it",
                          getObjectDescription(&part, false), getObjectDescription(&owner, false)));
}

void visit(const Closure& closure, const ObjectAddress& object, unsigned reasons, bool asked);

// True where an owner goes away instead, and takes the object along.
bool goes_with_its_owner(const Closure& closure, const ObjectAddress& object, unsigned reasons,
                         const Owners& owners, bool asked) {
  ListCell* cell = nullptr;
  foreach (cell, owners.whole) {
    const auto& owner = *static_cast<const ObjectAddress*>(lfirst(cell));
    if (asked) {
      if (!is_wanted(*closure.deletion, owner)) refuse_part(closure, object, owner);
      return true;
    }
    const Doomed* known = find_doomed(closure, owner);
    if (known != nullptr && known->being_visited) continue;
    visit(closure, owner, kReverse, false);
    Doomed* now = find_doomed(closure, object);
    if (now != nullptr) now->reasons |= reasons;
    return true;
  }
  return false;
}

void visit(const Closure& closure, const ObjectAddress& object, unsigned reasons, bool asked) {
  check_stack_depth();
  Doomed* known = find_doomed(closure, object);
  if (known != nullptr) {
    known->reasons |= reasons;
    return;
  }
  if (IsPinnedObject(object.classId, object.objectId)) {
    server_refuses(*closure.prediction,
                   psprintf("cannot drop %s because it is required by the database system",
                            getObjectDescription(&object, false)));
    return;
  }
  const Owners owners = owners_of(closure, object);
  if (goes_with_its_owner(closure, object, reasons, owners, asked)) return;

  auto* doomed = static_cast<Doomed*>(hash_search(closure.doomed, &object, HASH_ENTER, nullptr));
  doomed->reasons = reasons | (owners.partitioned ? unsigned(kPartOfAWhole) : 0U);
  doomed->being_visited = true;
  lock_for_removal(*closure.prediction, object);
  ListCell* cell = nullptr;
  foreach (cell, dependents_of(closure, object)) {
    const auto* dependent = static_cast<const Dependent*>(lfirst(cell));
    visit(closure, dependent->address, dependent->reason, false);
  }
  doomed->being_visited = false;
}

// What goes away with its whole needs no reason of its own.
bool goes_with_its_whole(const Closure& closure, const ObjectAddress& part) {
  if (part.objectSubId == 0) return false;
  ObjectAddress whole = part;
  whole.objectSubId = 0;
  return hash_search(closure.doomed, &whole, HASH_FIND, nullptr) != nullptr;
}

void check_reasons(const Closure& closure, const Doomed& doomed) {
  if (goes_with_its_whole(closure, doomed.address)) return;
  if ((doomed.reasons & kPartOfAWhole) != 0 && (doomed.reasons & kWithTheWhole) == 0) {
    server_refuses(*closure.prediction,
                   psprintf("cannot drop %s because what it is a part of requires it",
                            getObjectDescription(&doomed.address, false)));
    return;
  }
  if ((doomed.reasons & (kAsked | kAutomatic | kWithTheWhole)) != 0) return;
  if (closure.deletion->cascade) {
    const ObjectAddress& gone = doomed.address;
    closure.prediction->losses = lappend(
        closure.prediction->losses, object_address(gone.classId, gone.objectId, gone.objectSubId));
    return;
  }
  server_refuses(*closure.prediction, psprintf("other objects depend on it, such as %s",
                                               getObjectDescription(&doomed.address, false)));
}

HTAB* make_table() {
  HASHCTL control{};
  control.keysize = sizeof(ObjectAddress);
  control.entrysize = sizeof(Doomed);
  control.hcxt = CurrentMemoryContext;
  return hash_create("db_guard deletion", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

// A column of a catalog row that is found by its OID through an index.
Oid relation_of_row(Oid catalog, AttrNumber id_column, Oid index, Oid id,
                    AttrNumber relation_column) {
  ::Relation rows = table_open(catalog, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, id_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(id));
  SysScanDesc scan = systable_beginscan(rows, index, true, nullptr, 1, &key);
  Oid relation = InvalidOid;
  const HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    bool is_null = false;
    relation =
        DatumGetObjectId(heap_getattr(tuple, relation_column, RelationGetDescr(rows), &is_null));
  }
  systable_endscan(scan);
  table_close(rows, AccessShareLock);
  return relation;
}

// The table that an object hangs on; InvalidOid where it hangs on none.
Oid table_behind(const ObjectAddress& object) {
  switch (object.classId) {
    case ConstraintRelationId:
      return relation_of_row(ConstraintRelationId, Anum_pg_constraint_oid, ConstraintOidIndexId,
                             object.objectId, Anum_pg_constraint_conrelid);
    case TriggerRelationId:
      return relation_of_row(TriggerRelationId, Anum_pg_trigger_oid, TriggerOidIndexId,
                             object.objectId, Anum_pg_trigger_tgrelid);
    case PolicyRelationId:
      return relation_of_row(PolicyRelationId, Anum_pg_policy_oid, PolicyOidIndexId,
                             object.objectId, Anum_pg_policy_polrelid);
    case RewriteRelationId:
      return relation_of_row(RewriteRelationId, Anum_pg_rewrite_oid, RewriteOidIndexId,
                             object.objectId, Anum_pg_rewrite_ev_class);
    case AttrDefaultRelationId:
      return relation_of_row(AttrDefaultRelationId, Anum_pg_attrdef_oid, AttrDefaultOidIndexId,
                             object.objectId, Anum_pg_attrdef_adrelid);
    case StatisticExtRelationId:
      return relation_of_row(StatisticExtRelationId, Anum_pg_statistic_ext_oid,
                             StatisticExtOidIndexId, object.objectId,
                             Anum_pg_statistic_ext_stxrelid);
    default:
      return InvalidOid;
  }
}

namespace {

bool is_partition(const Prediction& prediction, Oid relation) {
  const bool detached = prediction.script != nullptr && is_detached(*prediction.script, relation);
  return !detached && get_rel_relispartition(relation);
}

}  // namespace

void lock_for_removal_of_relation(Prediction& prediction, Oid relation) {
  const char kind = get_rel_relkind(relation);
  if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX) {
    add_lock(prediction, IndexGetRelation(relation, true), AccessExclusiveLock);
  } else if (is_partition(prediction, relation)) {
    const Oid parent = get_partition_parent(relation, true);
    add_lock(prediction, parent, AccessExclusiveLock);
    const Oid other = get_default_partition_oid(parent);
    if (OidIsValid(other)) add_lock(prediction, other, AccessExclusiveLock);
  }
  add_lock(prediction, relation, AccessExclusiveLock);
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
    const auto* known = static_cast<const ObjectAddress*>(lfirst(cell));
    if (known->classId == catalog && known->objectId == object && known->objectSubId == part) {
      return true;
    }
  }
  return false;
}

void want_deleted(Deletion& deletion, Oid catalog, Oid object) {
  deletion.wanted = lappend(deletion.wanted, object_address(catalog, object, 0));
}

void lock_for_removal(Prediction& prediction, const ObjectAddress& object) {
  if (object.classId == RelationRelationId) {
    if (object.objectSubId == 0)
      lock_for_removal_of_relation(prediction, object.objectId);
    else
      add_lock(prediction, object.objectId, AccessExclusiveLock);
    return;
  }
  const Oid table = table_behind(object);
  if (!OidIsValid(table)) return;
  add_lock(prediction, table,
           object.classId == StatisticExtRelationId ? ShareUpdateExclusiveLock
                                                    : AccessExclusiveLock);
}

List* predict_deletion(Prediction& prediction, const Deletion& deletion) {
  const Closure closure = {&prediction, &deletion, make_table(),
                           table_open(DependRelationId, AccessShareLock)};
  ListCell* cell = nullptr;
  foreach (cell, deletion.wanted) {
    visit(closure, *static_cast<const ObjectAddress*>(lfirst(cell)), kAsked, true);
  }
  table_close(closure.depend, AccessShareLock);
  List* all = NIL;
  HASH_SEQ_STATUS sequence;
  hash_seq_init(&sequence, closure.doomed);
  for (auto* doomed = static_cast<Doomed*>(hash_seq_search(&sequence)); doomed != nullptr;
       doomed = static_cast<Doomed*>(hash_seq_search(&sequence))) {
    check_reasons(closure, *doomed);
    const ObjectAddress& gone = doomed->address;
    all = lappend(all, object_address(gone.classId, gone.objectId, gone.objectSubId));
  }
  return all;
}

}  // namespace db_guard::effects
