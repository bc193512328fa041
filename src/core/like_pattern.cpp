#include "core/like_pattern.hpp"

#include <algorithm>

namespace db_guard::core {

namespace {

constexpr auto kNone = std::string_view::npos;

std::size_t letter_at(std::string_view text, std::size_t at, LetterLength letter_length) {
  const std::string_view rest = text.substr(at);
  return std::clamp<std::size_t>(letter_length(rest), 1, rest.size());
}

// Bytes that one letter takes on both sides; none where it does not match.
struct Step {
  std::size_t pattern = 0;
  std::size_t text = 0;
};

Step match_letter(std::string_view pattern, std::size_t at, std::string_view text,
                  std::size_t text_at, LetterLength letter_length) {
  if (at >= pattern.size()) return {};
  if (pattern[at] == '_') return {1, letter_at(text, text_at, letter_length)};
  const std::size_t escape = pattern[at] == '\\' && at + 1 < pattern.size() ? 1 : 0;
  const std::size_t length = letter_at(pattern, at + escape, letter_length);
  if (pattern.substr(at + escape, length) != text.substr(text_at, length)) return {};
  return {escape + length, length};
}

}  // namespace

std::size_t one_byte(std::string_view) { return 1; }

bool is_like_pattern(std::string_view pattern) {
  const auto last = pattern.find_last_not_of('\\');
  const std::size_t backslashes = pattern.size() - (last == kNone ? 0 : last + 1);
  return backslashes % 2 == 0;
}

bool matches_like(std::string_view pattern, std::string_view text, LetterLength letter_length) {
  std::size_t at = 0;
  std::size_t text_at = 0;
  // Where to go on when the letters after the last % do not match: that % takes one letter more.
  std::size_t behind_percent = kNone;
  std::size_t taken = 0;
  while (text_at < text.size()) {
    if (at < pattern.size() && pattern[at] == '%') {
      behind_percent = ++at;
      taken = text_at;
      continue;
    }
    const Step step = match_letter(pattern, at, text, text_at, letter_length);
    if (step.text > 0) {
      at += step.pattern;
      text_at += step.text;
      continue;
    }
    if (behind_percent == kNone) return false;
    taken += letter_at(text, taken, letter_length);
    text_at = taken;
    at = behind_percent;
  }
  return pattern.find_first_not_of('%', at) == kNone;
}

std::size_t letters_demanded(std::string_view pattern, LetterLength letter_length) {
  std::size_t letters = 0;
  bool open = false;
  for (std::size_t at = 0; at < pattern.size();) {
    const bool percent = pattern[at] == '%';
    open = open || percent || pattern[at] == '_';
    if (!percent) letters++;
    if (pattern[at] == '\\' && at + 1 < pattern.size()) at++;
    at += letter_at(pattern, at, letter_length);
  }
  return open ? letters : kMatchesOneName;
}

}  // namespace db_guard::core
