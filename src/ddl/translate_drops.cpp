// DROP of every kind, and TRUNCATE.
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/value.h"
}

namespace db_guard::ddl {

namespace {

// What the words of a message call it; empty for what hardly anybody drops.
std::string_view word_for(ObjectType type) {
  switch (type) {
    case OBJECT_AGGREGATE:
      return "aggregate";
    case OBJECT_DOMAIN:
      return "domain";
    case OBJECT_EXTENSION:
      return "extension";
    case OBJECT_FUNCTION:
      return "function";
    case OBJECT_OPERATOR:
      return "operator";
    case OBJECT_PROCEDURE:
      return "procedure";
    case OBJECT_ROUTINE:
      return "routine";
    case OBJECT_TYPE:
      return "type";
    default:
      return {};
  }
}

bool is_relation(ObjectType type) {
  return type == OBJECT_TABLE || type == OBJECT_VIEW || type == OBJECT_MATVIEW ||
         type == OBJECT_SEQUENCE || type == OBJECT_FOREIGN_TABLE;
}

ActionKind kind_of(ObjectType type) {
  if (type == OBJECT_INDEX) return ActionKind::kDropIndex;
  if (is_relation(type)) return ActionKind::kDropRelation;
  if (type == OBJECT_POLICY) return ActionKind::kDropPolicy;
  return type == OBJECT_SCHEMA ? ActionKind::kDropSchema : ActionKind::kDropObject;
}

// The name of a policy stands behind that of its relation.
void name_policy(const List* names, Action& action) {
  const int parts = list_length(names);
  action.part = text_of(strVal(llast(names)));
  action.target.name = text_of(strVal(list_nth(names, parts - 2)));
  if (parts >= 3) action.target.schema = text_of(strVal(list_nth(names, parts - 3)));
}

ObjectName name_of_object(const Node* object) {
  switch (nodeTag(object)) {
    case T_String:
      return {{}, text_of(strVal(object))};
    case T_TypeName:
      return name_of(reinterpret_cast<const TypeName*>(object)->names);
    case T_ObjectWithArgs:
      return name_of(reinterpret_cast<const ObjectWithArgs*>(object)->objname);
    case T_List:
      return name_of(reinterpret_cast<const List*>(object));
    default:
      return {};
  }
}

bool is_translated(const DropStmt* tree) {
  const ObjectType type = tree->removeType;
  return type == OBJECT_INDEX || type == OBJECT_SCHEMA || type == OBJECT_POLICY ||
         is_relation(type) || !word_for(type).empty();
}

void translate_drop_objects(const DropStmt* tree, Statement& statement) {
  if (!is_translated(tree)) return;
  ListCell* cell = nullptr;
  foreach (cell, tree->objects) {
    const auto* object = static_cast<const Node*>(lfirst(cell));
    Action action;
    action.kind = kind_of(tree->removeType);
    action.object_kind = word_for(tree->removeType);
    action.concurrently = tree->concurrent;
    action.cascade = tree->behavior == DROP_CASCADE;
    action.node = object;
    if (tree->removeType == OBJECT_POLICY) {
      name_policy(reinterpret_cast<const List*>(object), action);
    } else {
      action.target = name_of_object(object);
    }
    statement.actions.push_back(std::move(action));
  }
}

void translate_drop_owned(const DropOwnedStmt* tree, Statement& statement) {
  Action action;
  action.kind = ActionKind::kDropOwned;
  action.cascade = tree->behavior == DROP_CASCADE;
  const auto* role = static_cast<const RoleSpec*>(linitial(tree->roles));
  action.target.name = text_of(role->rolename != nullptr ? role->rolename : "current_user");
  statement.actions.push_back(std::move(action));
}

void translate_drop_database(const DropdbStmt* tree, Statement& statement) {
  Action action;
  action.kind = ActionKind::kDropDatabase;
  action.target.name = text_of(tree->dbname);
  statement.actions.push_back(std::move(action));
}

void translate_truncate(const TruncateStmt* tree, Statement& statement) {
  ListCell* cell = nullptr;
  foreach (cell, tree->relations) {
    const auto* relation = static_cast<const RangeVar*>(lfirst(cell));
    Action action;
    action.kind = ActionKind::kTruncate;
    action.target = name_of(relation);
    action.only = !relation->inh;
    action.cascade = tree->behavior == DROP_CASCADE;
    statement.actions.push_back(std::move(action));
  }
}

}  // namespace

bool translate_drop(const Node* tree, Statement& statement) {
  switch (nodeTag(tree)) {
    case T_DropStmt:
      translate_drop_objects(reinterpret_cast<const DropStmt*>(tree), statement);
      return true;
    case T_DropOwnedStmt:
      translate_drop_owned(reinterpret_cast<const DropOwnedStmt*>(tree), statement);
      return true;
    case T_DropdbStmt:
      translate_drop_database(reinterpret_cast<const DropdbStmt*>(tree), statement);
      return true;
    case T_TruncateStmt:
      translate_truncate(reinterpret_cast<const TruncateStmt*>(tree), statement);
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::ddl
