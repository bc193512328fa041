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

void translate_move_all(const AlterTableMoveAllStmt* tree, Statement& statement) {
  Action action;
  action.kind = ActionKind::kMoveAll;
  action.target.name = text_of(tree->orig_tablespacename);
  action.new_name = text_of(tree->new_tablespacename);
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

}  // namespace

std::string_view Source::statement() const {
  if (text == nullptr) return {};
  const char* start = text + location;
  return {start, length > 0 ? std::size_t(length) : std::strlen(start)};
}

Statement translate(const Node* tree, std::string_view tag, const Source& source) {
  Statement statement;
  statement.tag = Text(tag);
  statement.text = text_of_statement(source);
  statement.tree = tree;
  switch (nodeTag(tree)) {
    case T_AlterTableStmt:
      translate_alter_table(reinterpret_cast<const AlterTableStmt*>(tree), source, statement);
      break;
    case T_AlterTableMoveAllStmt:
      translate_move_all(reinterpret_cast<const AlterTableMoveAllStmt*>(tree), statement);
      break;
    case T_IndexStmt:
      translate_index(reinterpret_cast<const IndexStmt*>(tree), source, statement);
      break;
    default:
      (void)(translate_drop(tree, statement) || translate_naming(tree, statement) ||
             translate_upkeep(tree, statement) || translate_creation(tree, statement) ||
             translate_data_change(tree, statement) || translate_reindex(tree, source, statement) ||
             translate_domain(tree, source, statement));
      if (statement.actions.empty()) translate_server_command(tree, statement);
      break;
  }
  return statement;
}

}  // namespace db_guard::ddl
