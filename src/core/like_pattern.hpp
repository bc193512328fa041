// LIKE, as far as names need it: % stands for any letters, _ for one, a backslash takes the meaning
// from the letter behind it. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace db_guard::core {

// Bytes of the first letter of a text that is not empty, in the encoding of the texts.
using LetterLength = std::size_t (*)(std::string_view text);

// For encodings of one byte a letter.
std::size_t one_byte(std::string_view text);

// False where a backslash stands at the end, which LIKE refuses.
bool is_like_pattern(std::string_view pattern);

bool matches_like(std::string_view pattern, std::string_view text, LetterLength letter_length);

// How little a pattern leaves open: kMatchesOneName without a wildcard, otherwise the number of
// letters that a name must have to match.
constexpr std::size_t kMatchesOneName = std::size_t(-1);
std::size_t letters_demanded(std::string_view pattern, LetterLength letter_length);

}  // namespace db_guard::core
