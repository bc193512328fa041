#include "core/suppression.hpp"

#include <algorithm>

#include "core/sql_tokens.hpp"
#include "core/text.hpp"

namespace db_guard::core {

namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == kNone) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string_view without_marks(std::string_view comment) {
  const bool block = comment.front() == '/';
  comment.remove_prefix(2);
  if (block && comment.size() >= 2 && comment.substr(comment.size() - 2) == "*/") {
    comment.remove_suffix(2);
  }
  return trim(comment);
}

// Takes the word off the front of `text`, where it stands there and something else follows it.
bool take_word(std::string_view& text, std::string_view word) {
  if (text.substr(0, word.size()) != word) return false;
  const std::string_view rest = text.substr(word.size());
  if (!rest.empty() && kBlanks.find(rest.front()) == kNone) return false;
  text = trim(rest);
  return true;
}

std::size_t find_because(std::string_view text) {
  constexpr std::string_view kWord = "because";
  for (auto at = text.find(kWord); at != kNone; at = text.find(kWord, at + 1)) {
    std::string_view rest = text.substr(at);
    const bool begins = at == 0 || kBlanks.find(text[at - 1]) != kNone || text[at - 1] == ',';
    if (begins && take_word(rest, kWord)) return at;
  }
  return kNone;
}

// Rules have no blanks in them: "allow this and that" is no list.
bool is_list_of_rules(const Vector<Text>& rules) {
  return std::all_of(rules.begin(), rules.end(), [](const Text& rule) {
    return rule.find_first_of(kBlanks.data()) == Text::npos;
  });
}

void read_comment(std::string_view text, Suppression& suppression) {
  if (!take_word(text, "allow")) return;
  const auto because = find_because(text);
  Vector<Text> rules = split_list(text.substr(0, because));
  if (!is_list_of_rules(rules)) return;
  suppression.rules = std::move(rules);
  if (because == kNone) return;
  std::string_view reason = text.substr(because);
  (void)take_word(reason, "because");
  suppression.reason = reason;
}

int count_lines(std::string_view text) { return int(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

Vector<Suppression> find_suppressions(std::string_view script) {
  constexpr std::string_view kMark = "db_guard:";
  Vector<Suppression> found;
  // Most scripts have none, and then not one token is worth reading.
  if (script.find(kMark) == kNone) return found;
  std::size_t counted = 0;
  int line = 1;
  for (Token token = next_token(script, 0); token.kind != TokenKind::kEnd;
       token = next_token(script, token.end())) {
    if (token.kind != TokenKind::kComment) continue;
    const std::string_view text = without_marks(token.text);
    if (text.substr(0, kMark.size()) != kMark) continue;
    line += count_lines(script.substr(counted, token.offset - counted));
    counted = token.offset;
    Suppression suppression;
    suppression.first_line = line;
    suppression.last_line = line + count_lines(token.text);
    read_comment(trim(text.substr(kMark.size())), suppression);
    found.push_back(std::move(suppression));
  }
  return found;
}

}  // namespace db_guard::core
