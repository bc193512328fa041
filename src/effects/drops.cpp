// DROP of every kind, DROP OWNED and TRUNCATE.
#include "effects/dependencies.hpp"
#include "effects/prediction.hpp"

#include "effects/deletion.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/policy.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "foreign/fdwapi.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "rewrite/rewriteSupport.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace db_guard::effects {

namespace {

bool is_kind_for(ObjectType type, char kind) {
  switch (type) {
    case OBJECT_TABLE:
      return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
    case OBJECT_INDEX:
      return kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX;
    case OBJECT_SEQUENCE:
      return kind == RELKIND_SEQUENCE;
    case OBJECT_VIEW:
      return kind == RELKIND_VIEW;
    case OBJECT_MATVIEW:
      return kind == RELKIND_MATVIEW;
    case OBJECT_FOREIGN_TABLE:
      return kind == RELKIND_FOREIGN_TABLE;
    default:
      return false;
  }
}

bool names_relations(ObjectType type) {
  return type == OBJECT_TABLE || type == OBJECT_INDEX || type == OBJECT_SEQUENCE ||
         type == OBJECT_VIEW || type == OBJECT_MATVIEW || type == OBJECT_FOREIGN_TABLE;
}

// Before anything is removed the server locks the table of an index, and all of the family where
// the index is partitioned.
void lock_table_of_index(Prediction& prediction, Oid index, LOCKMODE lock) {
  const Oid table = IndexGetRelation(index, true);
  add_lock(prediction, table, lock);
  if (get_rel_relkind(index) == RELKIND_PARTITIONED_INDEX) lock_family(prediction, table, lock);
}

void predict_drop_relations(Prediction& prediction, const DropStmt* drop) {
  Deletion deletion = {NIL, drop->behavior == DROP_CASCADE};
  if (drop->concurrent && (list_length(drop->objects) != 1 || deletion.cascade))
    server_refuses(prediction, "DROP INDEX CONCURRENTLY takes one index, and no CASCADE");
  ListCell* cell = nullptr;
  foreach (cell, drop->objects) {
    RangeVar* name = makeRangeVarFromNameList(static_cast<List*>(lfirst(cell)));
    const Oid relation = need_relation(prediction, name, drop->missing_ok);
    if (!OidIsValid(relation)) continue;
    if (!is_kind_for(drop->removeType, get_rel_relkind(relation))) {
      server_refuses(prediction, psprintf("\"%s\" is another kind of relation", name->relname));
      continue;
    }
    if (drop->concurrent && get_rel_persistence(relation) != RELPERSISTENCE_TEMP) {
      if (get_rel_relkind(relation) == RELKIND_PARTITIONED_INDEX)
        server_refuses(prediction, "cannot drop a partitioned index concurrently");
      add_lock(prediction, IndexGetRelation(relation, true), ShareUpdateExclusiveLock);
      add_lock(prediction, relation, AccessExclusiveLock);
      continue;
    }
    if (drop->removeType == OBJECT_INDEX)
      lock_table_of_index(prediction, relation, AccessExclusiveLock);
    want_deleted(deletion, RelationRelationId, relation);
  }
  predict_deletion(prediction, deletion);
}

// Triggers, rules and policies: the name of the relation, then their own.
ObjectAddress find_part(Prediction& prediction, const DropStmt* drop, List* names) {
  const ObjectAddress none = {InvalidOid, InvalidOid, 0};
  const char* name = strVal(llast(names));
  RangeVar* table =
      makeRangeVarFromNameList(list_truncate(list_copy(names), list_length(names) - 1));
  const Oid relation = need_relation(prediction, table, drop->missing_ok);
  if (!OidIsValid(relation)) return none;
  switch (drop->removeType) {
    case OBJECT_TRIGGER:
      return {TriggerRelationId, get_trigger_oid(relation, name, drop->missing_ok), 0};
    case OBJECT_RULE:
      return {RewriteRelationId, get_rewrite_oid(relation, name, drop->missing_ok), 0};
    case OBJECT_POLICY:
      return {PolicyRelationId, get_relation_policy_oid(relation, name, drop->missing_ok), 0};
    default:
      return none;
  }
}

ObjectAddress find_type(const DropStmt* drop, const TypeName* name) {
  const Oid type = LookupTypeNameOid(nullptr, name, true);
  if (!OidIsValid(type) && !drop->missing_ok) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("type \"%s\" does not exist", TypeNameToString(name))));
  }
  return {TypeRelationId, type, 0};
}

// The rest is found by the server itself, which locks the object, but no relation. Nobody is waited
// for.
ObjectAddress find_any(const DropStmt* drop, Node* object) {
  const int level = NewGUCNestLevel();
  (void)set_config_option("lock_timeout", "1ms", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                          0, false);
  ::Relation relation = nullptr;
  const ObjectAddress address =
      get_object_address(drop->removeType, object, &relation, AccessShareLock, drop->missing_ok);
  if (relation != nullptr) relation_close(relation, AccessShareLock);
  AtEOXact_GUC(false, level);
  return address;
}

ObjectAddress find_object(Prediction& prediction, const DropStmt* drop, Node* object) {
  switch (drop->removeType) {
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
      return find_part(prediction, drop, castNode(List, object));
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
      return find_type(drop, castNode(TypeName, object));
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
    case OBJECT_AGGREGATE:
      return {
          ProcedureRelationId,
          LookupFuncWithArgs(drop->removeType, castNode(ObjectWithArgs, object), drop->missing_ok),
          0};
    case OBJECT_SCHEMA:
      return {NamespaceRelationId, get_namespace_oid(strVal(object), drop->missing_ok), 0};
    case OBJECT_EXTENSION:
      return {ExtensionRelationId, get_extension_oid(strVal(object), drop->missing_ok), 0};
    default:
      return find_any(drop, object);
  }
}

void predict_drop_objects(Prediction& prediction, const DropStmt* drop) {
  Deletion deletion = {NIL, drop->behavior == DROP_CASCADE};
  ListCell* cell = nullptr;
  foreach (cell, drop->objects) {
    const ObjectAddress found = find_object(prediction, drop, static_cast<Node*>(lfirst(cell)));
    if (OidIsValid(found.objectId)) want_deleted(deletion, found.classId, found.objectId);
  }
  predict_deletion(prediction, deletion);
}

// A policy for nobody else goes away; of others, the role is only struck out.
bool is_for_nobody_else(Oid policy, Oid role) {
  ::Relation policies = table_open(PolicyRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_policy_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(policy));
  SysScanDesc scan = systable_beginscan(policies, PolicyOidIndexId, true, nullptr, 1, &key);
  HeapTuple tuple = systable_getnext(scan);
  bool only = HeapTupleIsValid(tuple);
  if (only) {
    bool is_null = false;
    const Datum roles =
        heap_getattr(tuple, Anum_pg_policy_polroles, RelationGetDescr(policies), &is_null);
    const ArrayType* array = DatumGetArrayTypePCopy(roles);
    const auto* ids = reinterpret_cast<const Oid*>(ARR_DATA_PTR(array));
    for (int i = 0; i < ARR_DIMS(array)[0]; i++) only = only && ids[i] == role;
  }
  systable_endscan(scan);
  table_close(policies, AccessShareLock);
  return only;
}

void add_owned(const RoleDependent& dependent, Oid role, Deletion& deletion) {
  const bool goes_away =
      dependent.type == SHARED_DEPENDENCY_OWNER ||
      (dependent.type == SHARED_DEPENDENCY_POLICY && dependent.catalog == PolicyRelationId &&
       is_for_nobody_else(dependent.object, role));
  if (goes_away) want_deleted(deletion, dependent.catalog, dependent.object);
}

void predict_drop_owned(Prediction& prediction, const DropOwnedStmt* drop) {
  Deletion deletion = {NIL, drop->behavior == DROP_CASCADE};
  ListCell* cell = nullptr;
  foreach (cell, drop->roles) {
    const Oid role = get_rolespec_oid(static_cast<const RoleSpec*>(lfirst(cell)), false);
    ListCell* inner = nullptr;
    foreach (inner, dependents_of_role(role)) {
      add_owned(*static_cast<const RoleDependent*>(lfirst(inner)), role, deletion);
    }
  }
  prediction.losses = list_concat(prediction.losses, list_copy(deletion.wanted));
  predict_deletion(prediction, deletion);
}

struct Truncation {
  List* tables;  // OIDs
  bool restart;
};

void add_truncated(Prediction& prediction, Truncation& truncation, Oid table) {
  if (list_member_oid(truncation.tables, table)) return;
  truncation.tables = lappend_oid(truncation.tables, table);
  add_lock(prediction, table, AccessExclusiveLock);
}

void empty_table(Prediction& prediction, const Truncation& truncation, Oid table) {
  RelationEffect* effect = find_effect(prediction, table);
  List* indexes = indexes_of(table);
  if (get_rel_relkind(table) == RELKIND_FOREIGN_TABLE &&
      GetFdwRoutineByRelId(table)->ExecForeignTruncate == nullptr)
    server_refuses(prediction,
                   psprintf("cannot truncate foreign table \"%s\"", get_rel_name(table)));
  if (effect != nullptr && get_rel_relkind(table) == RELKIND_RELATION) {
    effect->index_build = indexes != NIL;
    ListCell* cell = nullptr;
    foreach (cell, indexes) add_lock(prediction, lfirst_oid(cell), AccessExclusiveLock);
  }
  if (truncation.restart) {
    ListCell* cell = nullptr;
    foreach (cell, getOwnedSequences(table)) {
      add_lock(prediction, lfirst_oid(cell), AccessExclusiveLock);
    }
  }
  ::Relation relation = RelationIdGetRelation(table);
  if (relation == nullptr) return;
  const TriggerDesc* triggers = relation->trigdesc;
  if (triggers != nullptr &&
      (triggers->trig_truncate_before_statement || triggers->trig_truncate_after_statement)) {
    prediction.estimated = true;
  }
  RelationClose(relation);
}

void add_named(Prediction& prediction, Truncation& truncation, const RangeVar* name) {
  const Oid table = need_relation(prediction, name, false);
  if (!OidIsValid(table)) return;
  const char kind = get_rel_relkind(table);
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE &&
      kind != RELKIND_FOREIGN_TABLE) {
    server_refuses(prediction, psprintf("\"%s\" is not a table", name->relname));
  } else if (name->inh) {
    ListCell* cell = nullptr;
    foreach (cell, family_of(table)) add_truncated(prediction, truncation, lfirst_oid(cell));
  } else if (kind == RELKIND_PARTITIONED_TABLE) {
    server_refuses(prediction, "cannot truncate only a partitioned table");
  } else {
    add_truncated(prediction, truncation, table);
  }
}

// Until no table is left that refers to one of them.
void add_referencing(Prediction& prediction, Truncation& truncation, bool cascade) {
  while (true) {
    List* more = heap_truncate_find_FKs(truncation.tables);
    if (more == NIL) return;
    if (!cascade) {
      server_refuses(prediction, "cannot truncate a table referenced in a foreign key constraint");
      return;
    }
    ListCell* cell = nullptr;
    foreach (cell, more) add_truncated(prediction, truncation, lfirst_oid(cell));
  }
}

void predict_truncate(Prediction& prediction, const TruncateStmt* truncate) {
  Truncation truncation = {NIL, truncate->restart_seqs};
  ListCell* cell = nullptr;
  foreach (cell, truncate->relations) {
    add_named(prediction, truncation, static_cast<const RangeVar*>(lfirst(cell)));
  }
  if (truncation.tables == NIL) return;
  add_referencing(prediction, truncation, truncate->behavior == DROP_CASCADE);
  foreach (cell, truncation.tables) empty_table(prediction, truncation, lfirst_oid(cell));
}

}  // namespace

bool predict_drop(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_DropStmt: {
      const auto* drop = castNode(DropStmt, tree);
      if (names_relations(drop->removeType))
        predict_drop_relations(prediction, drop);
      else
        predict_drop_objects(prediction, drop);
      return true;
    }
    case T_DropOwnedStmt:
      predict_drop_owned(prediction, castNode(DropOwnedStmt, tree));
      return true;
    case T_TruncateStmt:
      predict_truncate(prediction, castNode(TruncateStmt, tree));
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::effects
