// Which values a change of type has a place for.
#pragma once

#include "ddl/facts.hpp"
#include "ddl/plain_facts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

// Plain server code. `fits` is SQL that is true of the values that fit, or null.
struct FitPlan {
  Fit fit;
  const char* fits;
};
FitPlan plan_fit(const TypePlan& plan, const char* column);

}  // namespace db_guard::ddl
