// Commands about the whole server: settings for good, and roles.
#include "core/text.hpp"
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "commands/defrem.h"
#include "nodes/value.h"
}

namespace db_guard::ddl {

namespace {

// Names and words of settings are the same in upper and lower case.
Text in_lower_case(const char* text) {
  Text lower = text_of(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  }
  return lower;
}

Text value_of(const Node* node) {
  if (!IsA(node, A_Const)) return {};
  const auto* constant = reinterpret_cast<const A_Const*>(node);
  switch (nodeTag(&constant->val)) {
    case T_String:
      return in_lower_case(constant->val.sval.sval);
    case T_Integer:
      return core::number(constant->val.ival.ival);
    default:
      return {};
  }
}

void translate_setting(const VariableSetStmt* set, const char* target, Statement& statement) {
  if (set->kind != VAR_SET_VALUE || list_length(set->args) != 1) return;
  Action action;
  action.kind = ActionKind::kChangeSetting;
  action.target.name = text_of(target);
  action.column = in_lower_case(set->name);
  action.new_name = value_of(static_cast<const Node*>(linitial(set->args)));
  action.node = set;
  statement.actions.push_back(std::move(action));
}

// CURRENT_USER and the like are no names.
const char* role_name(const RoleSpec* role) {
  const bool named = role != nullptr && role->roletype == ROLESPEC_CSTRING;
  return named ? role->rolename : nullptr;
}

void add_power(const char* role, const char* power, Statement& statement) {
  Action action;
  action.kind = ActionKind::kGrantPower;
  action.target.name = text_of(role);
  action.new_name = power;
  statement.actions.push_back(std::move(action));
}

void translate_attributes(const char* role, const List* options, Statement& statement) {
  constexpr std::pair<const char*, const char*> kAttributes[] = {
      {"bypassrls", "BYPASSRLS"}, {"isreplication", "REPLICATION"}, {"superuser", "SUPERUSER"}};
  ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* option = static_cast<const DefElem*>(lfirst(cell));
    for (const auto& [name, power] : kAttributes) {
      if (strcmp(option->defname, name) != 0) continue;
      if (boolVal(option->arg)) add_power(role, power, statement);
    }
  }
}

void translate_grant(const GrantRoleStmt* grant, Statement& statement) {
  if (!grant->is_grant) return;
  ListCell* granted = nullptr;
  foreach (granted, grant->granted_roles) {
    ListCell* grantee = nullptr;
    foreach (grantee, grant->grantee_roles) {
      const char* power = static_cast<const AccessPriv*>(lfirst(granted))->priv_name;
      add_power(role_name(static_cast<const RoleSpec*>(lfirst(grantee))), power, statement);
    }
  }
}

void translate_drop_role(const DropRoleStmt* drop, Statement& statement) {
  ListCell* cell = nullptr;
  foreach (cell, drop->roles) {
    Action action;
    action.kind = ActionKind::kDropRole;
    action.target.name = text_of(role_name(static_cast<const RoleSpec*>(lfirst(cell))));
    statement.actions.push_back(std::move(action));
  }
}

}  // namespace

void translate_server_command(const Node* tree, Statement& statement) {
  switch (nodeTag(tree)) {
    case T_AlterSystemStmt:
      translate_setting(reinterpret_cast<const AlterSystemStmt*>(tree)->setstmt, nullptr,
                        statement);
      break;
    case T_AlterDatabaseSetStmt: {
      const auto* alter = reinterpret_cast<const AlterDatabaseSetStmt*>(tree);
      translate_setting(alter->setstmt, alter->dbname, statement);
      break;
    }
    case T_AlterRoleSetStmt: {
      const auto* alter = reinterpret_cast<const AlterRoleSetStmt*>(tree);
      translate_setting(alter->setstmt, role_name(alter->role), statement);
      break;
    }
    case T_CreateRoleStmt: {
      const auto* create = reinterpret_cast<const CreateRoleStmt*>(tree);
      translate_attributes(create->role, create->options, statement);
      break;
    }
    case T_AlterRoleStmt: {
      const auto* alter = reinterpret_cast<const AlterRoleStmt*>(tree);
      translate_attributes(role_name(alter->role), alter->options, statement);
      break;
    }
    case T_GrantRoleStmt:
      translate_grant(reinterpret_cast<const GrantRoleStmt*>(tree), statement);
      break;
    case T_DropRoleStmt:
      translate_drop_role(reinterpret_cast<const DropRoleStmt*>(tree), statement);
      break;
    default:
      break;
  }
}

}  // namespace db_guard::ddl
