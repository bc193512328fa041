// ALTER TABLE, command by command.
#include "core/sql_text.hpp"
#include "core/text.hpp"
#include "ddl/ddl_version.hpp"
#include "ddl/translate_parts.hpp"
#include "pg/call.hpp"

extern "C" {
#include "commands/defrem.h"
#include "nodes/value.h"
#include "utils/builtins.h"
}

namespace db_guard::ddl {

namespace {

using core::concat;

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

ActionKind kind_of(const Constraint* constraint) {
  switch (constraint->contype) {
    case CONSTR_PRIMARY:
      return ActionKind::kAddPrimaryKey;
    case CONSTR_UNIQUE:
      return ActionKind::kAddUnique;
    case CONSTR_EXCLUSION:
      return ActionKind::kAddExclusion;
    case CONSTR_FOREIGN:
      return ActionKind::kAddForeignKey;
    case CONSTR_NOTNULL:
      return ActionKind::kAddNotNull;
    default:
      return ActionKind::kAddCheck;
  }
}

void translate_constraint(const Constraint* constraint, Action& action) {
  action.kind = kind_of(constraint);
  action.node = constraint;
  action.key = key_of(constraint);
  action.constraint = action.key.name;
  action.not_valid = constraint->skip_validation;
  action.not_enforced = is_not_enforced(constraint);
  if (constraint->contype != CONSTR_FOREIGN) return;
  action.key.columns = strings_of(constraint->fk_attrs);
  action.other = name_of(constraint->pktable);
  action.other_columns = strings_of(constraint->pk_attrs);
}

// Of a column's constraint these are nodes of their own, behind it. False: it is none of them.
bool note_attribute(const Constraint* constraint, KeySpec& key) {
  key.deferrable |=
      constraint->contype == CONSTR_ATTR_DEFERRABLE || constraint->contype == CONSTR_ATTR_DEFERRED;
  key.initially_deferred |= constraint->contype == CONSTR_ATTR_DEFERRED;
  return is_attribute(constraint);
}

void translate_add_column(const AlterTableCmd* command, Action& action) {
  const auto* definition = reinterpret_cast<const ColumnDef*>(command->def);
  action.column = text_of(definition->colname);
  action.if_not_exists = command->missing_ok;
  action.node = definition;
  ListCell* cell = nullptr;
  bool of_key = false;
  foreach (cell, definition->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    of_key = of_key && note_attribute(constraint, action.key);
    if (constraint->contype == CONSTR_FOREIGN) {
      action.other = name_of(constraint->pktable);
      action.other_columns = strings_of(constraint->pk_attrs);
    }
    if (constraint->contype != CONSTR_PRIMARY && constraint->contype != CONSTR_UNIQUE) continue;
    action.key = key_of(constraint);
    action.key.columns = {action.column};
    of_key = true;
  }
}

void translate_partition(const AlterTableCmd* command, Action& action) {
  const auto* partition = reinterpret_cast<const PartitionCmd*>(command->def);
  action.other = name_of(partition->name);
  action.concurrently = partition->concurrent;
}

// Those of a sequence that are numbers: START, INCREMENT and so on.
void translate_sequence(const Constraint* constraint, Action& action) {
  ListCell* cell = nullptr;
  foreach (cell, constraint->options) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (option->arg == nullptr || !(IsA(option->arg, Integer) || IsA(option->arg, Float))) continue;
    action.options.push_back(
        {text_of(option->defname), Text(pg::call([&] { return defGetString(option); }))});
  }
}

// ENABLE is the one that may hide rows.
std::string_view row_security_word(const AlterTableCmd* command) {
  return command->subtype == AT_EnableRowSecurity ? "enable" : "";
}

// A parameter that is set without a value is true; one that is reset has none.
void translate_options(const AlterTableCmd* command, Action& action) {
  ListCell* cell = nullptr;
  foreach (cell, reinterpret_cast<const List*>(command->def)) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    Option translated;
    translated.name = option->defnamespace != nullptr
                          ? concat({option->defnamespace, ".", option->defname})
                          : text_of(option->defname);
    if (command->subtype == AT_SetRelOptions) {
      translated.value = option->arg == nullptr
                             ? Text("true")
                             : Text(pg::call([&] { return defGetString(option); }));
    }
    action.options.push_back(std::move(translated));
  }
}

ActionKind kind_of(const AlterTableCmd* command) {
  if (is_set_expression_command(command)) return ActionKind::kSetExpression;
  switch (command->subtype) {
    case AT_AddColumn:
      return ActionKind::kAddColumn;
    case AT_DropColumn:
      return ActionKind::kDropColumn;
    case AT_AlterColumnType:
      return ActionKind::kSetColumnType;
    case AT_ColumnDefault:
      return command->def != nullptr ? ActionKind::kSetDefault : ActionKind::kDropDefault;
    case AT_SetNotNull:
      return ActionKind::kSetNotNull;
    case AT_DropNotNull:
      return ActionKind::kDropNotNull;
    case AT_DropExpression:
      return ActionKind::kDropExpression;
    case AT_AddIdentity:
      return ActionKind::kAddIdentity;
    case AT_SetStorage:
    case AT_SetCompression:
      return ActionKind::kSetStorage;
    case AT_AddConstraint:
      return kind_of(reinterpret_cast<const Constraint*>(command->def));
    case AT_AlterConstraint:
      return ActionKind::kAlterConstraint;
    case AT_ValidateConstraint:
      return ActionKind::kValidateConstraint;
    case AT_DropConstraint:
      return ActionKind::kDropConstraint;
    case AT_SetLogged:
      return ActionKind::kSetLogged;
    case AT_SetUnLogged:
      return ActionKind::kSetUnlogged;
    case AT_SetAccessMethod:
      return ActionKind::kSetAccessMethod;
    case AT_SetTableSpace:
      return ActionKind::kSetTablespace;
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
      return ActionKind::kSetOptions;
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_EnableTrigAll:
    case AT_EnableTrigUser:
    case AT_EnableRule:
    case AT_EnableAlwaysRule:
    case AT_EnableReplicaRule:
    case AT_DisableRule:
      return ActionKind::kChangeTriggers;
    case AT_DisableTrig:
    case AT_DisableTrigAll:
    case AT_DisableTrigUser:
      return ActionKind::kDisableTriggers;
    case AT_EnableRowSecurity:
    case AT_DisableRowSecurity:
    case AT_ForceRowSecurity:
    case AT_NoForceRowSecurity:
      return ActionKind::kChangeRowSecurity;
    case AT_ReplicaIdentity:
      return ActionKind::kSetReplicaIdentity;
    case AT_AddInherit:
    case AT_DropInherit:
      return ActionKind::kSetInheritance;
    case AT_AttachPartition:
      return ActionKind::kAttachPartition;
    case AT_DetachPartition:
      return ActionKind::kDetachPartition;
    default:
      return ActionKind::kOtherAlter;
  }
}

void translate_command(const AlterTableCmd* command, Action& action) {
  action.kind = kind_of(command);
  action.column = text_of(command->name);
  action.node = command->def;
  action.cascade = command->behavior == DROP_CASCADE;
  switch (action.kind) {
    case ActionKind::kAddColumn:
      translate_add_column(command, action);
      break;
    case ActionKind::kAttachPartition:
    case ActionKind::kDetachPartition:
      translate_partition(command, action);
      break;
    case ActionKind::kAddIdentity:
      translate_sequence(reinterpret_cast<const Constraint*>(command->def), action);
      break;
    case ActionKind::kChangeRowSecurity:
      action.object_kind = row_security_word(command);
      break;
    case ActionKind::kSetOptions:
      translate_options(command, action);
      break;
    case ActionKind::kAlterConstraint:
      action.constraint = altered_constraint_name(command);
      break;
    case ActionKind::kDropConstraint:
    case ActionKind::kValidateConstraint:
      action.constraint = text_of(command->name);
      break;
    default:
      if (command->subtype == AT_AddConstraint) {
        translate_constraint(reinterpret_cast<const Constraint*>(command->def), action);
      }
      break;
  }
}

// The commands as typed, cut at the commas between them; none where the count does not come out.
Vector<std::string_view> clauses_of(const AlterTableStmt* tree, const Source& source) {
  const std::string_view statement = source.statement();
  const int start = tree->relation->location - source.location;
  if (statement.empty() || start < 0 || std::size_t(start) >= statement.size()) return {};
  const std::size_t end = core::end_of_name(statement, std::size_t(start));
  if (end == std::string_view::npos) return {};
  auto clauses = core::split_at_commas(statement.substr(end));
  if (clauses.size() != std::size_t(list_length(tree->cmds))) clauses.clear();
  return clauses;
}

}  // namespace

void translate_alter_table(const AlterTableStmt* tree, const Source& source, Statement& statement) {
  const auto clauses = clauses_of(tree, source);
  statement.actions.reserve(std::size_t(list_length(tree->cmds)));
  for (int i = 0; i < list_length(tree->cmds); i++) {
    Action action;
    action.target = name_of(tree->relation);
    action.only = !tree->relation->inh;
    action.command = i;
    if (!clauses.empty()) action.clause = clauses[std::size_t(i)];
    const auto* command = static_cast<const AlterTableCmd*>(list_nth(tree->cmds, i));
    translate_command(command, action);
    if (action.kind == ActionKind::kAddColumn) {
      const auto* definition = reinterpret_cast<const ColumnDef*>(command->def);
      action.parts = parts_of(definition, source,
                              clauses.empty() ? std::string_view() : clauses[std::size_t(i)]);
    }
    statement.actions.push_back(std::move(action));
  }
}

}  // namespace db_guard::ddl
