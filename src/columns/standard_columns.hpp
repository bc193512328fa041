// The columns that every table should have.
#pragma once

namespace db_guard::columns {

inline constexpr int kStandardColumns = 4;

struct StandardColumns {
  bool added[kStandardColumns];
};

const char* standard_column_name(int index) noexcept;

// Adds the missing ones to the table (an OID as text) in one ALTER TABLE, and enables their
// triggers.
StandardColumns add_standard_columns(const char* table);

}  // namespace db_guard::columns
