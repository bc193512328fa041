// Where the parts of a declaration stand in its text, so that one of them can be exchanged and all
// the rest stays as it was typed.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

// The offset behind the type that starts at `at`, with what belongs to it: "varchar(50)",
// "timestamp (3) without time zone", "shop.mood"; not the brackets of an array. Never before `at`.
std::size_t end_of_type(std::string_view sql, std::size_t at);

// The offset behind GENERATED ... AS IDENTITY (...) that starts at `at`.
std::size_t end_of_identity(std::string_view sql, std::size_t at);

// The offset of the last part of the qualified name at `at`: of "b" in "a.b". npos where no plain
// or quoted name stands there.
std::size_t last_part_of_name(std::string_view sql, std::size_t at);

// The offset behind the last thing between the first parenthesis at or behind `at` and the one that
// closes it, comments left out; npos where none closes it.
std::size_t end_of_elements(std::string_view sql, std::size_t at);

// The names in the text that are longer than `most` bytes, each once, without their quotes.
Vector<Text> names_longer_than(std::string_view sql, std::size_t most);

// A part of a text, and what is to stand there instead.
struct Edit {
  std::size_t from = 0;
  std::size_t to = 0;
  Text replacement;
};

// What takes the first such word, and the blanks behind it, out of the text; an edit of nothing
// where it is not there. `word` is in lower case.
Edit without_word(std::string_view sql, std::string_view word);

// The text with the edits made, which come in order and do not overlap.
Text edited(std::string_view sql, const Vector<Edit>& edits);

}  // namespace db_guard::core
