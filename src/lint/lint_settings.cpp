#include "lint/lint_settings.hpp"

#include "pg/prelude.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace db_guard::lint {

namespace {

bool assume_large = false;

}  // namespace

void define_settings() {
  DefineCustomBoolVariable(
      "db_guard.assume_large_tables",
      "Lets check_sql take every table that exists before the script for large and in use.",
      "For databases without data, as in CI. The guard itself goes by real sizes.", &assume_large,
      false, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

bool assume_large_tables() noexcept { return assume_large; }

}  // namespace db_guard::lint
