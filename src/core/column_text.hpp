// Another column in place of one, in what the server prints of a definition.
#pragma once

#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

// Both names as quoted for SQL. From the word REFERENCES on, names are another table's.
Text replace_column(std::string_view sql, std::string_view from, std::string_view to);

// The same for a FOREIGN KEY that refers to the column's table: behind that table's name.
Text replace_referenced_column(std::string_view sql, std::string_view from, std::string_view to);

}  // namespace db_guard::core
