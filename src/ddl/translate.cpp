#include "ddl/translate.hpp"

#include "core/sql_text.hpp"
#include "core/text.hpp"
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

namespace {

using core::concat;

Vector<Text> columns_of(const List* elements) {
  Vector<Text> result;
  ListCell* cell = nullptr;
  foreach (cell, elements) {
    result.push_back(text_of(static_cast<const IndexElem*>(lfirst(cell))->name));
  }
  return result;
}

bool names_a_relation(ObjectType type) {
  return type == OBJECT_TABLE || type == OBJECT_VIEW || type == OBJECT_MATVIEW ||
         type == OBJECT_FOREIGN_TABLE;
}

void translate_rename(const RenameStmt* tree, Statement& statement) {
  if (tree->relation == nullptr) return;
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

// What follows the table's name, as typed: access method, columns, options and predicate. That way
// expressions, comments and quoting survive.
Text tail_of(const IndexStmt* tree, const Source& source) {
  if (source.text == nullptr || tree->relation->location < source.location) return {};
  const std::string_view statement = source.statement();
  const auto start = std::size_t(tree->relation->location - source.location);
  if (start >= statement.size()) return {};
  const std::size_t end = core::end_of_name(statement, start);
  if (end == std::string_view::npos) return {};
  return concat({" ", core::trim_statement(statement.substr(end))});
}

void translate_set_schema(const AlterObjectSchemaStmt* tree, Statement& statement) {
  if (tree->relation == nullptr) return;
  Action action;
  action.kind = ActionKind::kSetSchema;
  action.target = name_of(tree->relation);
  action.new_name = text_of(tree->newschema);
  statement.actions.push_back(std::move(action));
}

void translate_index(const IndexStmt* tree, const Source& source, Statement& statement) {
  Action action;
  action.kind = ActionKind::kCreateIndex;
  action.target = name_of(tree->relation);
  action.only = !tree->relation->inh;
  action.node = tree;
  KeySpec& key = action.key;
  key.name = text_of(tree->idxname);
  key.columns = columns_of(tree->indexParams);
  key.include = columns_of(tree->indexIncludingParams);
  key.tail = tail_of(tree, source);
  key.unique = tree->unique;
  key.nulls_not_distinct = tree->nulls_not_distinct;
  key.concurrently = tree->concurrent;
  key.if_not_exists = tree->if_not_exists;
  statement.actions.push_back(std::move(action));
}

void translate_drop(const DropStmt* tree, Statement& statement) {
  if (tree->removeType != OBJECT_INDEX) return;
  ListCell* cell = nullptr;
  foreach (cell, tree->objects) {
    Action action;
    action.kind = ActionKind::kDropIndex;
    action.target = name_of(static_cast<const List*>(lfirst(cell)));
    action.concurrently = tree->concurrent;
    action.cascade = tree->behavior == DROP_CASCADE;
    statement.actions.push_back(std::move(action));
  }
}

}  // namespace

std::string_view Source::statement() const {
  if (text == nullptr) return {};
  const char* start = text + location;
  return {start, length > 0 ? std::size_t(length) : std::strlen(start)};
}

Statement translate(const Node* tree, std::string_view tag, const Source& source) {
  Statement statement;
  statement.tag = Text(tag);
  statement.tree = tree;
  switch (nodeTag(tree)) {
    case T_AlterTableStmt:
      translate_alter_table(reinterpret_cast<const AlterTableStmt*>(tree), source, statement);
      break;
    case T_RenameStmt:
      translate_rename(reinterpret_cast<const RenameStmt*>(tree), statement);
      break;
    case T_AlterObjectSchemaStmt:
      translate_set_schema(reinterpret_cast<const AlterObjectSchemaStmt*>(tree), statement);
      break;
    case T_IndexStmt:
      translate_index(reinterpret_cast<const IndexStmt*>(tree), source, statement);
      break;
    case T_DropStmt:
      translate_drop(reinterpret_cast<const DropStmt*>(tree), statement);
      break;
    default:
      break;
  }
  return statement;
}

}  // namespace db_guard::ddl
