// SQL from C++: one statement in, its rows out as text.
#pragma once

#include "core/memory.hpp"
#include "pg/call.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace db_guard::pg {

// Rows of text; a null pointer is NULL. The memory is the current memory context's.
struct Rows {
  const char* const* cells = nullptr;
  int rows = 0;
  int columns = 0;

  [[nodiscard]] const char* at(int row, int column) const { return cells[row * columns + column]; }
  [[nodiscard]] std::string_view text(int row, int column) const {
    const char* cell = at(row, column);
    return cell != nullptr ? std::string_view(cell) : std::string_view();
  }
};

// Runs `sql` with the current role's rights and search_path = pg_catalog, pg_temp and
// standard_conforming_strings = on, whatever the session's are. Parameters are text ($1 ...); cast
// them in the statement.
Rows query(const char* sql, std::initializer_list<const char*> parameters = {});

// For a statement that a session runs again and again: planned the first time, kept to its end.
struct KeptPlan {
  SPIPlanPtr plan = nullptr;
};
Rows query(KeptPlan& plan, const char* sql, std::initializer_list<const char*> parameters);

}  // namespace db_guard::pg
