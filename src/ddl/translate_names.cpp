// RENAME and SET SCHEMA of every kind.
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/value.h"
}

namespace db_guard::ddl {

namespace {

bool names_a_relation(ObjectType type) {
  return type == OBJECT_TABLE || type == OBJECT_VIEW || type == OBJECT_MATVIEW ||
         type == OBJECT_FOREIGN_TABLE;
}

void translate_rename_of_relation(const RenameStmt* tree, Statement& statement) {
  Action action;
  if (tree->renameType == OBJECT_COLUMN) {
    action.kind = ActionKind::kRenameColumn;
    action.column = text_of(tree->subname);
  } else if (tree->renameType == OBJECT_TABCONSTRAINT) {
    action.kind = ActionKind::kRenameConstraint;
    action.constraint = text_of(tree->subname);
  } else if (names_a_relation(tree->renameType)) {
    action.kind = ActionKind::kRenameRelation;
  } else {
    return;
  }
  action.target = name_of(tree->relation);
  action.new_name = text_of(tree->newname);
  statement.actions.push_back(std::move(action));
}

std::string_view word_for(ObjectType type) {
  switch (type) {
    case OBJECT_AGGREGATE:
      return "aggregate";
    case OBJECT_DOMAIN:
      return "domain";
    case OBJECT_FUNCTION:
      return "function";
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

ObjectName name_of_object(const Node* object) {
  if (IsA(object, ObjectWithArgs)) {
    return name_of(reinterpret_cast<const ObjectWithArgs*>(object)->objname);
  }
  return name_of(reinterpret_cast<const List*>(object));
}

void translate_new_name(ObjectType type, const Node* object, const char* name, bool moves,
                        Statement& statement) {
  Action action;
  action.object_kind = word_for(type);
  if (action.object_kind.empty() || object == nullptr) return;
  action.kind = ActionKind::kRenameObject;
  action.target = name_of_object(object);
  action.new_name = text_of(name);
  action.other.schema = moves ? action.new_name : Text();
  action.node = object;
  statement.actions.push_back(std::move(action));
}

void translate_rename(const RenameStmt* tree, Statement& statement) {
  if (tree->relation != nullptr) {
    translate_rename_of_relation(tree, statement);
  } else if (tree->renameType == OBJECT_SCHEMA) {
    Action action;
    action.kind = ActionKind::kRenameSchema;
    action.target.name = text_of(tree->subname);
    action.new_name = text_of(tree->newname);
    statement.actions.push_back(std::move(action));
  } else {
    translate_new_name(tree->renameType, tree->object, tree->newname, false, statement);
  }
}

void translate_set_schema(const AlterObjectSchemaStmt* tree, Statement& statement) {
  if (tree->relation == nullptr) {
    translate_new_name(tree->objectType, tree->object, tree->newschema, true, statement);
    return;
  }
  Action action;
  action.kind = ActionKind::kSetSchema;
  action.target = name_of(tree->relation);
  action.new_name = text_of(tree->newschema);
  statement.actions.push_back(std::move(action));
}

void translate_enum(const AlterEnumStmt* tree, Statement& statement) {
  const bool renames = tree->oldVal != nullptr;
  Action action;
  action.kind = renames ? ActionKind::kRenameEnumValue : ActionKind::kAddEnumValue;
  action.target = name_of(tree->typeName);
  action.part = text_of(renames ? tree->oldVal : tree->newVal);
  if (renames) action.new_name = text_of(tree->newVal);
  statement.actions.push_back(std::move(action));
}

}  // namespace

bool translate_naming(const Node* tree, Statement& statement) {
  switch (nodeTag(tree)) {
    case T_RenameStmt:
      translate_rename(reinterpret_cast<const RenameStmt*>(tree), statement);
      return true;
    case T_AlterObjectSchemaStmt:
      translate_set_schema(reinterpret_cast<const AlterObjectSchemaStmt*>(tree), statement);
      return true;
    case T_AlterEnumStmt:
      translate_enum(reinterpret_cast<const AlterEnumStmt*>(tree), statement);
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::ddl
