// REINDEX of one index, one table, or many.
#include "ddl/translate_parts.hpp"
#include "pg/call.hpp"

extern "C" {
#include "commands/defrem.h"
}

namespace db_guard::ddl {

namespace {

bool is_concurrent(const ReindexStmt* tree) {
  bool concurrent = false;
  ListCell* cell = nullptr;
  foreach (cell, tree->params) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (std::strcmp(option->defname, "concurrently") != 0) continue;
    concurrent = pg::call([&] { return defGetBoolean(option); });
  }
  return concurrent;
}

ActionKind kind_of(const ReindexStmt* tree) {
  if (tree->relation == nullptr) return ActionKind::kReindexMany;
  return tree->kind == REINDEX_OBJECT_INDEX ? ActionKind::kReindexIndex : ActionKind::kReindexTable;
}

}  // namespace

bool translate_reindex(const Node* tree, const Source& source, Statement& statement) {
  if (!IsA(tree, ReindexStmt)) return false;
  const auto* reindex = reinterpret_cast<const ReindexStmt*>(tree);
  Action action;
  action.kind = kind_of(reindex);
  if (reindex->relation != nullptr) {
    action.target = name_of(reindex->relation);
  } else {
    action.target.name = text_of(reindex->name);
  }
  action.concurrently = is_concurrent(reindex);
  action.clause = text_of_statement(source);
  statement.actions.push_back(std::move(action));
  return true;
}

}  // namespace db_guard::ddl
