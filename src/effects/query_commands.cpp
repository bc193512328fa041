#include "effects/statements.hpp"

#include "effects/queries.hpp"

extern "C" {
#include "commands/defrem.h"
#include "commands/prepare.h"
#include "utils/plancache.h"
}

namespace db_guard::effects {

void predict_execute(Prediction& prediction, const ExecuteStmt* execute, QueryStep step) {
  const PreparedStatement* prepared = FetchPreparedStatement(execute->name, true);
  ListCell* cell = nullptr;
  foreach (cell, prepared->plansource->query_list) {
    predict_analysed_query(prediction, static_cast<Query*>(lfirst(cell)), step);
  }
}

namespace {

bool is_analyze(const ExplainStmt* explain) {
  ListCell* cell = nullptr;
  bool analyze = false;
  foreach (cell, explain->options) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (strcmp(option->defname, "analyze") == 0) analyze = defGetBoolean(option);
  }
  return analyze;
}

void predict_wrapped(Prediction& prediction, Node* query, QueryStep step) {
  switch (nodeTag(query)) {
    case T_SelectStmt:
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
    case T_MergeStmt:
      predict_raw_query(prediction, query, step);
      break;
    case T_ExecuteStmt:
      predict_execute(prediction, castNode(ExecuteStmt, query), step);
      break;
    case T_DeclareCursorStmt:
      predict_wrapped(prediction, castNode(DeclareCursorStmt, query)->query, QueryStep::kPlanned);
      break;
    case T_CreateTableAsStmt:
      predict_wrapped(prediction, castNode(CreateTableAsStmt, query)->query, step);
      break;
    default:
      break;
  }
}

}  // namespace

bool predict_query_command(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_SelectStmt:
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
    case T_MergeStmt:
    case T_ExecuteStmt:
    case T_DeclareCursorStmt:
      predict_wrapped(prediction, tree, QueryStep::kRun);
      return true;
    case T_PrepareStmt:
      predict_wrapped(prediction, castNode(PrepareStmt, tree)->query, QueryStep::kRewritten);
      return true;
    case T_ExplainStmt: {
      const auto* explain = castNode(ExplainStmt, tree);
      predict_wrapped(prediction, explain->query,
                      is_analyze(explain) ? QueryStep::kRun : QueryStep::kPlanned);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace db_guard::effects
