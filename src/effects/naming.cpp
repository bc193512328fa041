#include "effects/naming.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "catalog/pg_constraint.h"
#include "commands/extension.h"
#include "commands/policy.h"
#include "commands/trigger.h"
#include "rewrite/rewriteSupport.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

RangeVar* name_without_last(List* names) {
  return makeRangeVarFromNameList(list_truncate(list_copy(names), list_length(names) - 1));
}

// The relation of a composite type; InvalidOid for every other type.
Oid relation_of_type(const List* names) {
  const TypeName* name = makeTypeNameFromNameList(const_cast<List*>(names));
  const Oid type = LookupTypeNameOid(nullptr, name, false);
  return get_typtype(type) == TYPTYPE_COMPOSITE ? get_typ_typrelid(type) : InvalidOid;
}

void predict_rename(Prediction& prediction, const RenameStmt* rename) {
  switch (rename->renameType) {
    case OBJECT_ATTRIBUTE:
    case OBJECT_POLICY:
    case OBJECT_RULE:
    case OBJECT_TABCONSTRAINT:
      add_lock(prediction, need_relation(prediction, rename->relation, rename->missing_ok),
               AccessExclusiveLock);
      break;
    case OBJECT_TRIGGER: {
      const Oid table = need_relation(prediction, rename->relation, rename->missing_ok);
      if (!OidIsValid(table)) break;
      if (get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE)
        lock_family(prediction, table, AccessExclusiveLock);
      else
        add_lock(prediction, table, AccessExclusiveLock);
      break;
    }
    case OBJECT_TYPE:
      add_lock(prediction, relation_of_type(castNode(List, rename->object)), AccessExclusiveLock);
      break;
    default:
      break;
  }
}

void predict_owner(Prediction& prediction, const AlterOwnerStmt* owner) {
  if (owner->objectType != OBJECT_TYPE) return;
  const Oid relation = relation_of_type(castNode(List, owner->object));
  Oid current = InvalidOid;
  pg::read_syscache<Form_pg_class>(
      RELOID, ObjectIdGetDatum(relation),
      [&](Form_pg_class form, HeapTuple) { current = form->relowner; });
  if (current == get_rolespec_oid(owner->newowner, false)) return;
  add_lock(prediction, relation, AccessExclusiveLock);
}

// Relations of an extension move with it.
void predict_schema(Prediction& prediction, const AlterObjectSchemaStmt* move) {
  if (move->objectType != OBJECT_EXTENSION) return;
  const Oid extension = get_extension_oid(strVal(move->object), false);
  ::Relation depend = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(ExtensionRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(extension));
  SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    if (row->classid == RelationRelationId && row->deptype == DEPENDENCY_EXTENSION)
      add_lock(prediction, row->objid, AccessExclusiveLock);
  }
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
}

bool is_kind_for(ObjectType type, char kind) {
  switch (type) {
    case OBJECT_INDEX:
      return kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX;
    case OBJECT_SEQUENCE:
      return kind == RELKIND_SEQUENCE;
    case OBJECT_TABLE:
      return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
    case OBJECT_VIEW:
      return kind == RELKIND_VIEW;
    case OBJECT_MATVIEW:
      return kind == RELKIND_MATVIEW;
    default:
      return kind == RELKIND_FOREIGN_TABLE;
  }
}

// Raises an error where the relation has no such part.
void check_part(ObjectType type, Oid relation, const char* name, bool missing_ok) {
  switch (type) {
    case OBJECT_COLUMN:
      if (!missing_ok && get_attnum(relation, name) == InvalidAttrNumber)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" does not exist", name)));
      break;
    case OBJECT_RULE:
      (void)get_rewrite_oid(relation, name, missing_ok);
      break;
    case OBJECT_TRIGGER:
      (void)get_trigger_oid(relation, name, missing_ok);
      break;
    case OBJECT_TABCONSTRAINT:
      (void)get_relation_constraint_oid(relation, name, missing_ok);
      break;
    case OBJECT_POLICY:
      (void)get_relation_policy_oid(relation, name, missing_ok);
      break;
    default:
      break;
  }
}

void lock_behind_part(Prediction& prediction, ObjectType type, List* names, LOCKMODE lock,
                      bool missing_ok) {
  const Oid relation = need_relation(prediction, name_without_last(names), missing_ok);
  if (!OidIsValid(relation)) return;
  check_part(type, relation, strVal(llast(names)), missing_ok);
  add_lock(prediction, relation, lock);
}

void predict_depends(Prediction& prediction, const AlterObjectDependsStmt* depends) {
  if (depends->relation == nullptr) return;
  const LOCKMODE lock =
      depends->objectType == OBJECT_TRIGGER ? AccessShareLock : AccessExclusiveLock;
  add_lock(prediction, need_relation(prediction, depends->relation, false), lock);
}

}  // namespace

void lock_behind_name(Prediction& prediction, ObjectType type, Node* object, LOCKMODE lock,
                      bool missing_ok) {
  switch (type) {
    case OBJECT_INDEX:
    case OBJECT_SEQUENCE:
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_FOREIGN_TABLE: {
      const RangeVar* name = makeRangeVarFromNameList(castNode(List, object));
      const Oid relation = need_relation(prediction, name, missing_ok);
      if (OidIsValid(relation) && !is_kind_for(type, get_rel_relkind(relation)))
        server_refuses(prediction, psprintf("\"%s\" is another kind of relation", name->relname));
      add_lock(prediction, relation, lock);
      break;
    }
    case OBJECT_COLUMN:
    case OBJECT_DEFAULT:
      lock_behind_part(prediction, type, castNode(List, object), lock, missing_ok);
      break;
    case OBJECT_RULE:
    case OBJECT_TRIGGER:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_POLICY:
      lock_behind_part(prediction, type, castNode(List, object), AccessShareLock, missing_ok);
      break;
    default:
      break;
  }
}

bool predict_naming(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_CommentStmt: {
      const auto* comment = castNode(CommentStmt, tree);
      lock_behind_name(prediction, comment->objtype, comment->object, ShareUpdateExclusiveLock,
                       false);
      return true;
    }
    case T_SecLabelStmt: {
      const auto* label = castNode(SecLabelStmt, tree);
      lock_behind_name(prediction, label->objtype, label->object, ShareUpdateExclusiveLock, false);
      return true;
    }
    case T_AlterExtensionContentsStmt: {
      const auto* change = castNode(AlterExtensionContentsStmt, tree);
      lock_behind_name(prediction, change->objtype, change->object, ShareUpdateExclusiveLock,
                       false);
      return true;
    }
    case T_RenameStmt:
      predict_rename(prediction, castNode(RenameStmt, tree));
      return true;
    case T_AlterOwnerStmt:
      predict_owner(prediction, castNode(AlterOwnerStmt, tree));
      return true;
    case T_AlterObjectSchemaStmt:
      predict_schema(prediction, castNode(AlterObjectSchemaStmt, tree));
      return true;
    case T_AlterObjectDependsStmt:
      predict_depends(prediction, castNode(AlterObjectDependsStmt, tree));
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::effects
