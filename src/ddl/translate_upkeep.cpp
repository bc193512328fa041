// VACUUM FULL, CLUSTER, REFRESH MATERIALIZED VIEW and LOCK TABLE.
#include "ddl/translate_parts.hpp"
#include "pg/call.hpp"

extern "C" {
#include "commands/defrem.h"
}

namespace db_guard::ddl {

namespace {

bool has_option(const List* options, const char* name) {
  bool value = false;
  ListCell* cell = nullptr;
  foreach (cell, options) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (std::strcmp(option->defname, name) != 0) continue;
    value = pg::call([&] { return defGetBoolean(option); });
  }
  return value;
}

void add_rebuilt(const RangeVar* relation, std::string_view word, Statement& statement) {
  Action action;
  action.kind = relation != nullptr ? ActionKind::kRebuildTable : ActionKind::kRebuildAll;
  if (relation != nullptr) {
    action.target = name_of(relation);
    action.only = !relation->inh;
  }
  action.object_kind = word;
  statement.actions.push_back(std::move(action));
}

void translate_vacuum(const VacuumStmt* tree, Statement& statement) {
  constexpr std::string_view kWord = "VACUUM FULL";
  if (!tree->is_vacuumcmd || !has_option(tree->options, "full")) return;
  if (tree->rels == NIL) add_rebuilt(nullptr, kWord, statement);
  ListCell* cell = nullptr;
  foreach (cell, tree->rels) {
    const auto* target = static_cast<const VacuumRelation*>(lfirst(cell));
    if (target->relation != nullptr) add_rebuilt(target->relation, kWord, statement);
  }
}

void translate_refresh(const RefreshMatViewStmt* tree, Statement& statement) {
  Action action;
  action.kind = ActionKind::kRefreshView;
  action.target = name_of(tree->relation);
  action.concurrently = tree->concurrent;
  action.with_data = !tree->skipData;
  statement.actions.push_back(std::move(action));
}

void translate_lock(const LockStmt* tree, Statement& statement) {
  ListCell* cell = nullptr;
  foreach (cell, tree->relations) {
    const auto* relation = static_cast<const RangeVar*>(lfirst(cell));
    Action action;
    action.kind = ActionKind::kLockTable;
    action.target = name_of(relation);
    action.only = !relation->inh;
    action.nowait = tree->nowait;
    statement.actions.push_back(std::move(action));
  }
}

}  // namespace

bool translate_upkeep(const Node* tree, Statement& statement) {
  switch (nodeTag(tree)) {
    case T_VacuumStmt:
      translate_vacuum(reinterpret_cast<const VacuumStmt*>(tree), statement);
      return true;
    case T_ClusterStmt:
      add_rebuilt(reinterpret_cast<const ClusterStmt*>(tree)->relation, "CLUSTER", statement);
      return true;
    case T_RefreshMatViewStmt:
      translate_refresh(reinterpret_cast<const RefreshMatViewStmt*>(tree), statement);
      return true;
    case T_LockStmt:
      translate_lock(reinterpret_cast<const LockStmt*>(tree), statement);
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::ddl
