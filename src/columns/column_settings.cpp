#include "columns/column_settings.hpp"

#include "pg/prelude.hpp"

extern "C" {
#include "utils/guc.h"
#include "utils/plancache.h"
}

namespace db_guard::columns {

namespace {

ColumnSettings values{};

// Plans that were made under the other value must not be used again.
void switch_plan_time(bool value, void*) {
  if (value != values.at_plan_time) ResetPlanCache();
}

void switch_triggers(bool value, void*) {
  if (value != values.triggers) ResetPlanCache();
}

}  // namespace

const ColumnSettings& column_settings() noexcept { return values; }

void define_settings() {
  DefineCustomBoolVariable("db_guard.column_triggers",
                           "Whether the triggers of updated_at, row version and created_by act.",
                           "Switch it off for a transaction that writes these columns itself.",
                           &values.triggers, true, PGC_SUSET, 0, nullptr, switch_triggers, nullptr);
  DefineCustomBoolVariable("db_guard.hard_delete",
                           "DELETE and TRUNCATE really delete where soft delete is enabled.",
                           "Use SET LOCAL, so that it ends with the transaction.",
                           &values.hard_delete, false, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable(
      "db_guard.stamp_at_plan_time",
      "Whether an UPDATE may set updated_at by itself instead of calling the trigger.",
      "It then costs no more than a column in its SET list.", &values.at_plan_time, true,
      PGC_USERSET, 0, nullptr, switch_plan_time, nullptr);
}

}  // namespace db_guard::columns
