#include "columns/plan_time.hpp"

#include "columns/column_settings.hpp"
#include "columns/reinsertion.hpp"
#include "columns/stamp_injection.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "optimizer/planner.h"
}

namespace db_guard::columns {

namespace {

planner_hook_type next_planner = nullptr;
ExecutorStart_hook_type next_start = nullptr;

PlannedStmt* plan_statement(Query* query, const char* text, int options, ParamListInfo parameters) {
  if (column_settings().at_plan_time && column_settings().triggers) inject_stamps(query);
  const auto next = next_planner != nullptr ? next_planner : standard_planner;
  return next(query, text, options, parameters);
}

bool is_update(const ModifyTable* plan) { return plan->operation == CMD_UPDATE; }

void visit(PlanState* state) {
  if (state == nullptr || !IsA(state, ModifyTableState)) return;
  auto* modify = reinterpret_cast<ModifyTableState*>(state);
  if (is_update(reinterpret_cast<const ModifyTable*>(state->plan))) drop_injected_trigger(modify);
  if (modify->operation != CMD_INSERT || modify->mt_nrels != 1) return;
  ResultRelInfo& target = modify->resultRelInfo[0];
  if (takes_reinsertion(RelationGetRelid(target.ri_RelationDesc)) &&
      target.ri_TrigDesc != nullptr) {
    // The executor's own copy.
    target.ri_TrigDesc->trig_insert_before_row = false;
  }
}

// A statement that changes tables has such a node at its top, and at that of each WITH query that
// does.
void start_statement(QueryDesc* query, int flags) {
  if (next_start != nullptr) {
    next_start(query, flags);
  } else {
    standard_ExecutorStart(query, flags);
  }
  if (query->operation == CMD_SELECT && !query->plannedstmt->hasModifyingCTE) return;
  visit(query->planstate);
  ListCell* cell = nullptr;
  foreach (cell, query->estate->es_subplanstates) visit(static_cast<PlanState*>(lfirst(cell)));
}

}  // namespace

void install_plan_hooks() {
  next_planner = planner_hook;
  planner_hook = plan_statement;
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start_statement;
}

}  // namespace db_guard::columns
