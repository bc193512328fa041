#include "ddl/translate.hpp"

#include "core/sql_text.hpp"
#include "core/text.hpp"
#include "ddl/ddl_version.hpp"
#include "pg/call.hpp"

extern "C" {
#include "commands/defrem.h"
#include "nodes/value.h"
#include "utils/builtins.h"
}

namespace db_guard::ddl {

namespace {

using core::concat;

Text text_of(const char* text) { return text != nullptr ? Text(text) : Text(); }

ObjectName name_of(const RangeVar* relation) {
  return {text_of(relation->schemaname), text_of(relation->relname)};
}

// A qualified name as a list of strings; a catalog in front is the current one or the server
// refuses.
ObjectName name_of(const List* names) {
  const int parts = list_length(names);
  ObjectName name;
  if (parts >= 1) name.name = text_of(strVal(llast(names)));
  if (parts >= 2) name.schema = text_of(strVal(list_nth(names, parts - 2)));
  return name;
}

Vector<Text> strings_of(const List* names) {
  Vector<Text> result;
  ListCell* cell = nullptr;
  foreach (cell, names) result.push_back(text_of(strVal(lfirst(cell))));
  return result;
}

Vector<Text> columns_of(const List* elements) {
  Vector<Text> result;
  ListCell* cell = nullptr;
  foreach (cell, elements) {
    result.push_back(text_of(static_cast<const IndexElem*>(lfirst(cell))->name));
  }
  return result;
}

// Storage parameters are numbers, words and strings; quoting a value is always allowed.
Text storage_options(const List* options, const char* tablespace) {
  Text text;
  ListCell* cell = nullptr;
  foreach (cell, options) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    text.append(text.empty() ? " WITH (" : ", ");
    text.append(pg::call([&] { return quote_identifier(option->defname); }));
    if (option->arg == nullptr) continue;
    const char* value = pg::call([&] { return quote_literal_cstr(defGetString(option)); });
    text.append(concat({" = ", value}));
  }
  if (!text.empty()) text.append(")");
  if (tablespace != nullptr) {
    text.append(concat({" TABLESPACE ", pg::call([&] { return quote_identifier(tablespace); })}));
  }
  return text;
}

KeySpec key_of(const Constraint* constraint) {
  KeySpec key;
  key.name = text_of(constraint->conname);
  key.columns = strings_of(constraint->keys);
  key.include = strings_of(constraint->including);
  key.existing_index = text_of(constraint->indexname);
  key.storage = storage_options(constraint->options, constraint->indexspace);
  key.unique = true;
  key.primary = constraint->contype == CONSTR_PRIMARY;
  key.nulls_not_distinct = constraint->nulls_not_distinct;
  key.without_overlaps = has_without_overlaps(constraint);
  key.deferrable = constraint->deferrable;
  key.initially_deferred = constraint->initdeferred;
  return key;
}

void translate_constraint(const AlterTableCmd* command, Action action, Statement& statement) {
  const auto* constraint = reinterpret_cast<const Constraint*>(command->def);
  switch (constraint->contype) {
    case CONSTR_PRIMARY:
      action.kind = ActionKind::kAddPrimaryKey;
      break;
    case CONSTR_UNIQUE:
      action.kind = ActionKind::kAddUnique;
      break;
    default:
      return;
  }
  action.node = constraint;
  action.key = key_of(constraint);
  statement.actions.push_back(std::move(action));
}

void translate_add_column(const AlterTableCmd* command, Action action, Statement& statement) {
  const auto* definition = reinterpret_cast<const ColumnDef*>(command->def);
  action.kind = ActionKind::kAddColumn;
  action.column = text_of(definition->colname);
  action.if_not_exists = command->missing_ok;
  action.node = definition;
  ListCell* cell = nullptr;
  foreach (cell, definition->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    if (constraint->contype != CONSTR_PRIMARY && constraint->contype != CONSTR_UNIQUE) continue;
    action.key = key_of(constraint);
    action.key.columns = {action.column};
  }
  statement.actions.push_back(std::move(action));
}

void translate_command(const AlterTableCmd* command, const RangeVar* target, Statement& statement) {
  Action action;
  action.target = name_of(target);
  action.only = !target->inh;
  action.column = text_of(command->name);
  switch (command->subtype) {
    case AT_AddColumn:
      translate_add_column(command, std::move(action), statement);
      return;
    case AT_AddConstraint:
      translate_constraint(command, std::move(action), statement);
      return;
    case AT_DropColumn:
      action.kind = ActionKind::kDropColumn;
      action.cascade = command->behavior == DROP_CASCADE;
      break;
    case AT_AlterColumnType:
      action.kind = ActionKind::kSetColumnType;
      action.node = command->def;
      break;
    case AT_SetNotNull:
      action.kind = ActionKind::kSetNotNull;
      break;
    default:
      return;
  }
  statement.actions.push_back(std::move(action));
}

void translate_alter_table(const AlterTableStmt* tree, Statement& statement) {
  ListCell* cell = nullptr;
  foreach (cell, tree->cmds) {
    const std::size_t known = statement.actions.size();
    translate_command(static_cast<const AlterTableCmd*>(lfirst(cell)), tree->relation, statement);
    for (std::size_t i = known; i < statement.actions.size(); i++) {
      statement.actions[i].command = foreach_current_index(cell);
    }
  }
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
      translate_alter_table(reinterpret_cast<const AlterTableStmt*>(tree), statement);
      break;
    case T_RenameStmt:
      translate_rename(reinterpret_cast<const RenameStmt*>(tree), statement);
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
