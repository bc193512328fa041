// The rows of explain_ddl and trace_sql. Plain server code.
#pragma once

#include "effects/prediction.hpp"
#include "lint/script.hpp"
#include "lint/work_rates.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace db_guard::lint {

constexpr const char* kExact = "exact";
constexpr const char* kEstimated = "estimated";
constexpr const char* kUnknown = "unknown";

// The statement that rows are about, and what all of them share.
struct RowSource {
  ReturnSetInfo* result;
  const ScriptStatement* statement;
  const char* certainty;
  double milliseconds;     // observed; below 0: NULL
  const WorkRates* rates;  // to estimate the time of each relation by; null: not to be estimated
};

// A row about a relation that exists right now.
void put_effect(const RowSource& source, const effects::RelationEffect& effect);
// The row of a statement that locks nothing (text: null) or could not be judged (text: why).
void put_no_relation(const RowSource& source, const char* text);
// The row of a statement that the server will refuse, with what it will say.
void put_refusal(const RowSource& source, const char* message);
// One of them, for a whole prediction.
void put_prediction(const RowSource& source, const effects::Prediction& prediction);

}  // namespace db_guard::lint
