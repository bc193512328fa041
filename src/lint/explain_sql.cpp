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

void explain(const RowSource& source) {
  if (source.statement->tree == nullptr) {
    RowSource own = source;
    own.certainty = kUnknown;
    pg::call([&] { put_no_relation(own, own.statement->problem); });
    return;
  }
  effects::Prediction prediction{};
  try {
    pg::rolled_back(
        [&] { pg::call([&] { effects::predict_statement(prediction, source.statement->tree); }); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    put_refusal(source, error.what());
    return;
  }
  RowSource own = source;
  if (prediction.estimated) own.certainty = kEstimated;
  pg::call([&] { put_prediction(own, prediction); });
}

}  // namespace

}  // namespace db_guard::lint

using namespace db_guard;

Datum db_guard_explain_ddl(PG_FUNCTION_ARGS) {
  const char* sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  pg::enter([&] {
    for (const lint::ScriptStatement& statement : lint::parse_script(sql)) {
      pg::check_for_interrupts();
      lint::explain({result, &statement, lint::kExact, -1});
    }
  });
  PG_RETURN_NULL();
}
