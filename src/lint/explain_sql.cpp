// db_guard.explain_ddl: what each statement of a script will do.
#include "effects/prediction.hpp"
#include "lint/effect_rows.hpp"
#include "lint/script.hpp"
#include "pg/entry.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(db_guard_explain_ddl);
}

namespace db_guard::lint {

namespace {

// What the server will say instead of running the statement: no such schema, no right to look into
// it, no such type.
void put_refusal(const RowSource& source, const char* message) {
  pg::call([&] { put_no_relation(source, psprintf("the server will refuse it: %s", message)); });
}

bool does_work(const effects::Prediction& prediction) {
  ListCell* cell = nullptr;
  foreach (cell, prediction.effects) {
    const auto* effect = static_cast<const effects::RelationEffect*>(lfirst(cell));
    if (effect->rewrite || effect->scan || effect->index_build || effect->fk_check) return true;
  }
  return false;
}

// Reads the log no more than once a script, and only where a time is to be estimated.
class Explainer {
 public:
  explicit Explainer(ReturnSetInfo* result) : result_(result) {}

  void explain(const ScriptStatement& statement) {
    RowSource source{result_, &statement, kExact, -1, nullptr};
    if (statement.tree == nullptr) {
      source.certainty = kUnknown;
      pg::call([&] { put_no_relation(source, statement.problem); });
      return;
    }
    effects::Prediction prediction{};
    try {
      pg::rolled_back(
          [&] { pg::call([&] { effects::predict_statement(prediction, statement.tree); }); });
    } catch (const pg::PgError& error) {
      if (error.is_interruption()) throw;
      put_refusal(source, error.what());
      return;
    }
    if (prediction.estimated) source.certainty = kEstimated;
    if (does_work(prediction)) source.rates = &rates();
    pg::call([&] { put_prediction(source, prediction); });
  }

 private:
  const WorkRates& rates() {
    if (!rates_) rates_ = read_work_rates();
    return *rates_;
  }

  ReturnSetInfo* result_;
  std::optional<WorkRates> rates_;
};

}  // namespace

}  // namespace db_guard::lint

using namespace db_guard;

Datum db_guard_explain_ddl(PG_FUNCTION_ARGS) {
  const char* sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  pg::enter([&] {
    lint::Explainer explainer(result);
    for (const lint::ScriptStatement& statement : lint::parse_script(sql)) {
      pg::check_for_interrupts();
      explainer.explain(statement);
    }
  });
  PG_RETURN_NULL();
}
