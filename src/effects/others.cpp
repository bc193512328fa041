// The commands that belong to no other family. Most of them lock no relation.
#include "effects/dependencies.hpp"
#include "effects/prediction.hpp"

#include "effects/effects_version.hpp"
#include "effects/naming.hpp"
#include "effects/statements.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/sequence.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

void predict_grant(Prediction& prediction, const GrantStmt* grant) {
  if (grant->targtype != ACL_TARGET_OBJECT) return;
  if (grant->objtype != OBJECT_TABLE && grant->objtype != OBJECT_SEQUENCE) return;
  ListCell* cell = nullptr;
  foreach (cell, grant->objects) {
    const auto* name = static_cast<const RangeVar*>(lfirst(cell));
    const Oid relation = need_relation(prediction, name, false);
    if (OidIsValid(relation) && grant_locks_relations())
      add_lock(prediction, relation, AccessShareLock);
  }
}

void predict_statistics(Prediction& prediction, const CreateStatsStmt* create) {
  ListCell* cell = nullptr;
  foreach (cell, create->relations) {
    const auto* node = static_cast<Node*>(lfirst(cell));
    if (!IsA(node, RangeVar)) continue;
    const auto* name = reinterpret_cast<const RangeVar*>(node);
    const Oid table = need_relation(prediction, name, false);
    const char kind = get_rel_relkind(table);
    if (kind == RELKIND_VIEW || kind == RELKIND_INDEX || kind == RELKIND_SEQUENCE)
      server_refuses(prediction,
                     psprintf("cannot define statistics for relation \"%s\"", name->relname));
    add_lock(prediction, table, ShareUpdateExclusiveLock);
    ListCell* element = nullptr;
    foreach (element, create->exprs) {
      predict_recorded_expression(prediction, static_cast<const StatsElem*>(lfirst(element))->expr,
                                  get_rel_type_id(table));
    }
  }
}

const RangeVar* name_of_element(const Node* element) {
  switch (nodeTag(element)) {
    case T_CreateStmt:
      return reinterpret_cast<const CreateStmt*>(element)->relation;
    case T_ViewStmt:
      return reinterpret_cast<const ViewStmt*>(element)->view;
    case T_CreateSeqStmt:
      return reinterpret_cast<const CreateSeqStmt*>(element)->sequence;
    default:
      return nullptr;
  }
}

List* names_of_elements(const List* elements) {
  List* names = NIL;
  ListCell* cell = nullptr;
  foreach (cell, elements) {
    const RangeVar* name = name_of_element(static_cast<const Node*>(lfirst(cell)));
    if (name != nullptr) names = lappend(names, name->relname);
  }
  return names;
}

// What the elements name may be one of them: a name that is not there yet says nothing.
void predict_schema(Prediction& prediction, const CreateSchemaStmt* create) {
  const char* name = create->schemaname;
  if (name != nullptr && OidIsValid(get_namespace_oid(name, true))) {
    if (!create->if_not_exists)
      server_refuses(prediction, psprintf("schema \"%s\" already exists", name));
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, create->schemaElts) {
    Prediction element{};
    element.effects = prediction.effects;
    element.made = names_of_elements(create->schemaElts);
    predict_statement(element, static_cast<Node*>(lfirst(cell)));
    prediction.effects = element.effects;
    prediction.estimated |= element.estimated;
    if (element.unknown != nullptr) cannot_judge(prediction, element.unknown);
  }
}

void predict_extension(Prediction& prediction, const CreateExtensionStmt* create) {
  if (!OidIsValid(get_extension_oid(create->extname, true))) {
    // Its script may do anything, and hardly ever touches what is there.
    prediction.estimated = true;
  } else if (!create->if_not_exists) {
    server_refuses(prediction, psprintf("extension \"%s\" already exists", create->extname));
  }
}

// A new owner of a relation is one of its indexes and sequences, too.
void lock_for_new_owner(Prediction& prediction, Oid relation) {
  add_lock(prediction, relation, AccessExclusiveLock);
  const char kind = get_rel_relkind(relation);
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_MATVIEW)
    return;
  lock_indexes(prediction, relation, AccessExclusiveLock);
  ListCell* cell = nullptr;
  foreach (cell, getOwnedSequences(relation)) {
    add_lock(prediction, lfirst_oid(cell), AccessExclusiveLock);
  }
}

void reassign(Prediction& prediction, const RoleDependent& dependent) {
  if (dependent.type != SHARED_DEPENDENCY_OWNER) return;
  const Oid id = dependent.object;
  if (dependent.catalog == RelationRelationId) {
    lock_for_new_owner(prediction, id);
  } else if (dependent.catalog == TypeRelationId && get_typtype(id) == TYPTYPE_COMPOSITE) {
    add_lock(prediction, get_typ_typrelid(id), AccessExclusiveLock);
  }
}

void predict_reassign(Prediction& prediction, const ReassignOwnedStmt* statement) {
  (void)get_rolespec_oid(statement->newrole, false);
  ListCell* cell = nullptr;
  foreach (cell, statement->roles) {
    const Oid role = get_rolespec_oid(static_cast<const RoleSpec*>(lfirst(cell)), false);
    ListCell* inner = nullptr;
    foreach (inner, dependents_of_role(role)) {
      reassign(prediction, *static_cast<const RoleDependent*>(lfirst(inner)));
    }
  }
}

bool predict_with_locks(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_GrantStmt:
      predict_grant(prediction, castNode(GrantStmt, tree));
      return true;
    case T_CreateStatsStmt:
      predict_statistics(prediction, castNode(CreateStatsStmt, tree));
      return true;
    case T_CreateSchemaStmt:
      predict_schema(prediction, castNode(CreateSchemaStmt, tree));
      return true;
    case T_CreateExtensionStmt:
      predict_extension(prediction, castNode(CreateExtensionStmt, tree));
      return true;
    case T_AlterExtensionStmt:
      prediction.estimated = true;
      return true;
    case T_CreateFunctionStmt:
      predict_function(prediction, castNode(CreateFunctionStmt, tree));
      return true;
    case T_ReassignOwnedStmt:
      predict_reassign(prediction, castNode(ReassignOwnedStmt, tree));
      return true;
    case T_DoStmt:
      cannot_judge(prediction, "what an anonymous block does is known when it runs");
      return true;
    case T_CallStmt:
      cannot_judge(prediction, "what a procedure does is known when it runs");
      return true;
    case T_ImportForeignSchemaStmt:
      prediction.estimated = true;
      return true;
    default:
      return false;
  }
}

// Objects that are no relations, and have none behind them.
bool locks_nothing(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_AlterCollationStmt:
    case T_AlterDatabaseSetStmt:
    case T_AlterDatabaseStmt:
    case T_AlterDatabaseRefreshCollStmt:
    case T_AlterDefaultPrivilegesStmt:
    case T_AlterEventTrigStmt:
    case T_AlterFdwStmt:
    case T_AlterForeignServerStmt:
    case T_AlterFunctionStmt:
    case T_AlterOpFamilyStmt:
    case T_AlterOperatorStmt:
    case T_AlterRoleSetStmt:
    case T_AlterRoleStmt:
    case T_AlterStatsStmt:
    case T_AlterSystemStmt:
    case T_AlterTSConfigurationStmt:
    case T_AlterTSDictionaryStmt:
    case T_AlterTableSpaceOptionsStmt:
    case T_AlterUserMappingStmt:
    case T_CreateAmStmt:
    case T_CreateCastStmt:
    case T_CreateConversionStmt:
    case T_CreateEventTrigStmt:
    case T_CreateFdwStmt:
    case T_CreateForeignServerStmt:
    case T_CreateOpClassStmt:
    case T_CreateOpFamilyStmt:
    case T_CreatePLangStmt:
    case T_CreateRoleStmt:
    case T_CreateTableSpaceStmt:
    case T_CreateTransformStmt:
    case T_CreateUserMappingStmt:
    case T_CreatedbStmt:
    case T_DefineStmt:
    case T_DropRoleStmt:
    case T_DropTableSpaceStmt:
    case T_DropUserMappingStmt:
    case T_DropdbStmt:
    case T_GrantRoleStmt:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool predict_other(Prediction& prediction, Node* tree) {
  return predict_with_locks(prediction, tree) || predict_naming(prediction, tree) ||
         predict_publication(prediction, tree) || predict_sequence(prediction, tree) ||
         predict_query_command(prediction, tree) || locks_nothing(tree);
}

}  // namespace db_guard::effects
