// SQL from C++: one statement in, its rows out as text.
#pragma once

#include <string>
#include <unordered_map>

#include "core/memory.hpp"
#include "pg/call.hpp"

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

// While one lives, the same statement with the same parameters is run once: for a run that looks at
// the catalogs many times and changes nothing in them.
class QueryMemory {
 public:
  QueryMemory();
  ~QueryMemory();
  QueryMemory(const QueryMemory&) = delete;
  QueryMemory& operator=(const QueryMemory&) = delete;

 private:
  friend Rows query(const char* sql, std::initializer_list<const char*> parameters);

  // The answers live in a context of their own: who asked may be in a subtransaction.
  MemoryContext context_;
  std::unordered_map<std::string, Rows> answers_;
  QueryMemory* outer_;
};

}  // namespace db_guard::pg
