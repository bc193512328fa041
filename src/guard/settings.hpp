// The settings of the guard: db_guard.*.
#pragma once

namespace db_guard::guard {

enum class Mode : int { kOff, kLog, kWarn, kBlock };

struct Settings {
  char* allow;
  char* allow_reason;
  bool log_ddl;
  int mode;
  char* override_role;
  bool require_reason;
  bool show_notes;
  int small_table_size_kb;
};

// Values in force now.
const Settings& settings() noexcept;
Mode mode() noexcept;

void define_settings();

// Plain server code: whether the role of this session may override the guard. The role that SET
// ROLE chose counts, not the one a SECURITY DEFINER function brings.
bool may_override();

}  // namespace db_guard::guard
