// db_guard.explain_ddl: what each statement of a script will do.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "effects/prediction.hpp"
#include "lint/effect_rows.hpp"
#include "lint/script.hpp"
#include "pg/entry.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(db_guard_explain_ddl);
}

namespace db_guard::lint {

namespace {

using core::Text;

// Smaller work is over before anybody notices, and reading the log takes longer.
constexpr std::uint64_t kWorthEstimating = 1024 * 1024;

bool does_work(const effects::Prediction& prediction) {
  ListCell* cell = nullptr;
  foreach (cell, prediction.effects) {
    const auto* effect = static_cast<const effects::RelationEffect*>(lfirst(cell));
    if (!effect->rewrite && !effect->scan && !effect->index_build && !effect->fk_check) continue;
    double rows = -1;
    if (ddl::bytes_of(effect->relation, &rows) >= kWorthEstimating) return true;
  }
  return false;
}

// What the server says where it raises an error; empty otherwise.
template <class Predict>
Text attempt(Predict&& predict) {
  try {
    pg::rolled_back([&] { pg::call(predict); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    return Text(error.what());
  }
  return {};
}

// The settings that decide what a later statement means. They hold until the script has been read.
void follow_setting(Node* tree) {
  if (!IsA(tree, VariableSetStmt)) return;
  auto* statement = reinterpret_cast<VariableSetStmt*>(tree);
  if (statement->name == nullptr || statement->kind != VAR_SET_VALUE) return;
  for (const char* followed : {"search_path", "timezone", "default_tablespace"}) {
    if (pg_strcasecmp(statement->name, followed) != 0) continue;
    (void)set_config_option(statement->name, ExtractSetVariableArgs(statement), PGC_USERSET,
                            PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  }
}

// Reads the log no more than once a script, and only where a time is to be estimated.
class Explainer {
 public:
  explicit Explainer(ReturnSetInfo* result) : result_(result) {}

  void explain(const ScriptStatement& statement) {
    RowSource source{result_, &statement, kExact, -1, nullptr};
    if (statement.tree == nullptr) {
      source.certainty = kUnknown;
      const char* problem = located_problem(statement);
      pg::call([&] { put_no_relation(source, problem); });
      return;
    }
    effects::Prediction prediction = blank(statement);
    Text problem = attempt([&] {
      effects::predict_statement(prediction, statement.tree);
      effects::weigh_event_triggers(prediction, statement.tree);
      effects::predict_row_audit(prediction, statement.tree);
    });
    if (!problem.empty() && prediction.script != nullptr) {
      // Most likely a name or type that the script makes.
      prediction = blank(statement);
      problem = attempt([&] { effects::predict_by_shape(prediction, statement.tree); });
    }
    (void)attempt([&] { effects::note_statement(script_, statement.tree); });
    // Tried first: a wrong value spoils its own statement and no other.
    if (attempt([&] { follow_setting(statement.tree); }).empty()) {
      pg::call([&] { follow_setting(statement.tree); });
    }
    if (!problem.empty()) {
      pg::call([&, message = problem.c_str()] { put_refusal(source, message); });
      return;
    }
    if (prediction.estimated) source.certainty = kEstimated;
    if (pg::call([&] { return does_work(prediction); })) source.rates = &rates();
    pg::call([&] { put_prediction(source, prediction); });
  }

 private:
  [[nodiscard]] effects::Prediction blank(const ScriptStatement& statement) const {
    effects::Prediction prediction{};
    if (statement.number > 1) prediction.script = &script_;
    return prediction;
  }

  const WorkRates& rates() {
    if (!rates_) rates_ = read_work_rates();
    return *rates_;
  }

  ReturnSetInfo* result_;
  effects::ScriptState script_{};
  std::optional<WorkRates> rates_;
};

}  // namespace

}  // namespace db_guard::lint

using namespace db_guard;

Datum db_guard_explain_ddl(PG_FUNCTION_ARGS) {
  const char* sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  // An error ends it with the transaction.
  const int nest_level = NewGUCNestLevel();
  pg::enter([&] {
    lint::Explainer explainer(result);
    for (const lint::ScriptStatement& statement : lint::parse_script(sql)) {
      pg::check_for_interrupts();
      explainer.explain(statement);
    }
  });
  AtEOXact_GUC(false, nest_level);
  PG_RETURN_NULL();
}
