// The settings of the column triggers.
#pragma once

namespace db_guard::columns {

struct ColumnSettings {
  bool triggers;      // db_guard.column_triggers
  bool hard_delete;   // db_guard.hard_delete
  bool at_plan_time;  // db_guard.stamp_at_plan_time
};

// Plain data; the server writes it.
const ColumnSettings& column_settings() noexcept;

void define_settings();

}  // namespace db_guard::columns
