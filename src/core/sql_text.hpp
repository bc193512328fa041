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

// Behind the comment /* ... */ that starts at `at`, with those inside it; behind everything where
// it is not closed.
std::size_t end_of_block_comment(std::string_view sql, std::size_t at);

// The offset behind the possibly qualified, possibly quoted name that starts at `start`, including
// a trailing `*` or the parenthesis that closes ONLY (name). npos where no plain name stands there
// (U&"..." included).
std::size_t end_of_name(std::string_view sql, std::size_t start);

// The offset behind the token that starts at `at`: a string in any of its forms, a quoted name, a
// word, a parameter, or one character of anything else. What is not closed runs to the end.
// Assumes standard_conforming_strings = on.
std::size_t end_of_token(std::string_view sql, std::size_t at);

// The offset behind the last thing that is no blank and no comment.
std::size_t end_of_code(std::string_view sql);

// The parts between the commas that stand in no parenthesis, bracket, string or comment, trimmed.
Vector<std::string_view> split_at_commas(std::string_view sql);

// Without the blanks and comments at both ends: one that runs to the end of its line would swallow
// what is put behind it.
std::string_view trim_comments(std::string_view sql);

// Every token that is `token`, letter by letter, replaced; not what stands in strings, comments and
// quoted names.
Text replace_tokens(std::string_view sql, std::string_view token, std::string_view replacement);

// Without blanks at both ends and semicolons at the end.
std::string_view trim_statement(std::string_view sql);

}  // namespace db_guard::core
