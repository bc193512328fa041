// Just enough of SQL's lexical structure to cut a statement at the right place.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

// Letters, digits and more that a plain name begins with and goes on with.
bool starts_name(char c);
bool continues_name(char c);

// The offset of the next thing that is no blank and no comment.
std::size_t skip_blanks(std::string_view sql, std::size_t at);

// The offset behind the possibly qualified, possibly quoted name that starts at `start`, including
// a trailing `*` or the parenthesis that closes ONLY (name). npos where no plain name stands there
// (U&"..." included).
std::size_t end_of_name(std::string_view sql, std::size_t start);

// An expression or definition as the server prints it, with another column in place of one. Both
// names as quoted for SQL. From the word REFERENCES on, names are another table's.
Text replace_column(std::string_view sql, std::string_view from, std::string_view to);

// The same for a FOREIGN KEY that refers to the column's table: behind that table's name.
Text replace_referenced_column(std::string_view sql, std::string_view from, std::string_view to);

// Without blanks at both ends and semicolons at the end.
std::string_view trim_statement(std::string_view sql);

}  // namespace db_guard::core
