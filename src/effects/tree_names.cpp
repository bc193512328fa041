#include "effects/query_names.hpp"

#include "effects/effects_version.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

void name_entry(QueryWalk& walk, const RangeTblEntry* entry) {
  if (entry->rtekind != RTE_RELATION || entry->relid == walk.view) return;
  const Query* query = walk.query;
  const bool is_target = query != nullptr && query->resultRelation > 0 &&
                         rt_fetch(query->resultRelation, query->rtable) == entry;
  auto* named = static_cast<Named*>(palloc(sizeof(Named)));
  const LOCKMODE lock = walk.pushed_down ? Max(entry->rellockmode, RowShareLock)
                                         : static_cast<LOCKMODE>(entry->rellockmode);
  *named = {entry->relid, lock,  is_target ? query->commandType : CMD_SELECT, entry->inh,
            NIL,          false, is_target && query->onConflict != nullptr};
  walk.named = lappend(walk.named, named);
}

void note_conditions(QueryWalk& walk, const Query* query) {
  if (query->limitCount != nullptr) walk.has_condition = true;
  if (query->jointree == nullptr || query->jointree->quals == nullptr) return;
  walk.has_condition = true;
  ListCell* cell = nullptr;
  foreach (cell, pull_var_clause(query->jointree->quals, PVC_RECURSE_AGGREGATES |
                                                             PVC_RECURSE_WINDOWFUNCS |
                                                             PVC_RECURSE_PLACEHOLDERS)) {
    const auto* column = castNode(Var, lfirst(cell));
    if (column->varlevelsup != 0 || column->varattno <= 0) continue;
    const RangeTblEntry* entry = rt_fetch(column->varno, query->rtable);
    if (entry->rtekind == RTE_RELATION)
      walk.columns = lappend(walk.columns, get_attname(entry->relid, column->varattno, true));
  }
}

}  // namespace

bool walk_query(Node* node, void* context) {
  auto& walk = *static_cast<QueryWalk*>(context);
  if (node == nullptr) return false;
  if (IsA(node, RangeTblEntry)) {
    name_entry(walk, reinterpret_cast<const RangeTblEntry*>(node));
    return false;
  }
  if (IsA(node, Query)) {
    auto* query = reinterpret_cast<Query*>(node);
    const Query* outer = walk.query;
    walk.query = query;
    note_conditions(walk, query);
    (void)query_tree_walker(query, as_walker(walk_query), &walk, QTW_EXAMINE_RTES_BEFORE);
    walk.query = outer;
    return false;
  }
  return expression_tree_walker(node, as_walker(walk_query), &walk);
}

}  // namespace db_guard::effects
