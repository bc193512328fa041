#include "core/sql_declaration.hpp"

#include <algorithm>

#include "core/sql_text.hpp"
#include "core/sql_tokens.hpp"

namespace db_guard::core {

namespace {

constexpr auto kNone = std::string_view::npos;

// Walks from token to token, past comments; at the end of the text the token is empty.
class Walk {
 public:
  Walk(std::string_view sql, std::size_t at) : sql_(sql) {
    token_.offset = std::min(at, sql.size());
    next();
  }

  [[nodiscard]] const Token& token() const { return token_; }
  [[nodiscard]] bool at_end() const { return token_.kind == TokenKind::kEnd; }
  [[nodiscard]] bool is(std::string_view word) const { return is_keyword(token_, word); }
  [[nodiscard]] bool is(char sign) const {
    return token_.kind == TokenKind::kSign && token_.text.front() == sign;
  }
  [[nodiscard]] std::size_t start() const { return token_.offset; }
  [[nodiscard]] std::size_t end() const { return token_.end(); }

  void next() {
    do {
      token_ = next_token(sql_, token_.end());
    } while (token_.kind == TokenKind::kComment);
  }

 private:
  std::string_view sql_;
  Token token_;
};

// Past the parenthesis that closes the one the walk stands on; to the end where none does.
void pass_parentheses(Walk& walk) {
  int depth = 0;
  for (; !walk.at_end(); walk.next()) {
    if (walk.is('(')) depth++;
    if (walk.is(')') && --depth == 0) return;
  }
}

// Moves on to the next token if that is the word or sign.
template <class Word>
bool take(Walk& walk, Word word) {
  Walk ahead = walk;
  ahead.next();
  if (!ahead.is(word)) return false;
  walk = ahead;
  return true;
}

// Types of more than one word: the walk stands on the first, and is left on the last.
void take_more_words(Walk& walk) {
  if (walk.is("double")) {
    (void)take(walk, "precision");
  } else if (walk.is("national")) {
    if (take(walk, "character") || take(walk, "char")) (void)take(walk, "varying");
  } else if (walk.is("character") || walk.is("char") || walk.is("nchar") || walk.is("bit")) {
    (void)take(walk, "varying");
  } else {
    while (take(walk, '.')) walk.next();
  }
}

void take_time_zone(Walk& walk) {
  Walk ahead = walk;
  if (!take(ahead, "with") && !take(ahead, "without")) return;
  if (take(ahead, "time") && take(ahead, "zone")) walk = ahead;
}

}  // namespace

std::size_t end_of_type(std::string_view sql, std::size_t at) {
  Walk walk(sql, at);
  const bool of_time = walk.is("timestamp") || walk.is("time");
  take_more_words(walk);
  if (take(walk, '(')) pass_parentheses(walk);
  if (of_time) take_time_zone(walk);
  return walk.end();
}

std::size_t end_of_identity(std::string_view sql, std::size_t at) {
  Walk walk(sql, at);
  // Behind GENERATED stands ALWAYS, or BY DEFAULT, and then AS IDENTITY.
  for (int words = 0; words < 4 && !walk.is("identity"); words++) walk.next();
  if (take(walk, '(')) pass_parentheses(walk);
  return walk.end();
}

namespace {

bool is_name(const Token& token) {
  return token.kind == TokenKind::kWord || token.kind == TokenKind::kQuotedName;
}

// U&"...", with whatever it stands for.
bool is_unicode_name(std::string_view sql, const Token& token) {
  return is_keyword(token, "u") && sql.substr(token.end(), 2) == "&\"";
}

}  // namespace

std::size_t last_part_of_name(std::string_view sql, std::size_t at) {
  Walk walk(sql, at);
  while (is_name(walk.token()) && !is_unicode_name(sql, walk.token())) {
    const std::size_t start = walk.start();
    if (!take(walk, '.')) return start;
    walk.next();
  }
  return kNone;
}

std::size_t end_of_elements(std::string_view sql, std::size_t at) {
  Walk walk(sql, at);
  while (!walk.at_end() && !walk.is('(')) walk.next();
  int depth = 0;
  for (std::size_t end = kNone; !walk.at_end(); walk.next()) {
    if (walk.is('(')) depth++;
    if (walk.is(')') && --depth == 0) return end;
    end = walk.end();
  }
  return kNone;
}

namespace {

// Looks from where such a run would have to end back to its start, and so at few of the bytes.
bool has_run_longer_than(std::string_view sql, std::size_t most) {
  std::size_t start = 0;
  while (start + most < sql.size()) {
    std::size_t at = start + most + 1;
    while (at > start && continues_name(sql[at - 1])) at--;
    if (at == start) return true;
    start = at;
  }
  return false;
}

// Quotes within a name come in pairs, so that the first and the last tell enough.
bool has_quotes_farther_apart_than(std::string_view sql, std::size_t most) {
  const auto first = sql.find('"');
  return first != kNone && sql.rfind('"') - first > most;
}

Text unquoted(std::string_view token) {
  if (token.front() != '"') return Text(token);
  Text name;
  for (std::size_t i = 1; i < token.size(); i++) {
    // The last one closes, and of two only the first counts.
    if (token[i] == '"' && ++i >= token.size()) break;
    name.push_back(token[i]);
  }
  return name;
}

bool is_number(const Token& token) {
  return token.text.front() >= '0' && token.text.front() <= '9';
}

}  // namespace

Vector<Text> names_longer_than(std::string_view sql, std::size_t most) {
  Vector<Text> found;
  // Few statements have one, and need to be read token by token.
  if (!has_run_longer_than(sql, most) && !has_quotes_farther_apart_than(sql, most)) return found;
  for (Walk walk(sql, 0); !walk.at_end(); walk.next()) {
    if (!is_name(walk.token()) || is_number(walk.token())) continue;
    Text name = unquoted(walk.token().text);
    const bool is_new = std::find(found.begin(), found.end(), name) == found.end();
    if (name.size() > most && is_new) found.push_back(std::move(name));
  }
  return found;
}

Edit without_word(std::string_view sql, std::string_view word) {
  Walk walk(sql, 0);
  while (!walk.at_end() && !walk.is(word)) walk.next();
  return {walk.start(), walk.at_end() ? walk.start() : skip_blanks(sql, walk.end()), {}};
}

Text edited(std::string_view sql, const Vector<Edit>& edits) {
  Text text;
  std::size_t done = 0;
  for (const Edit& edit : edits) {
    text.append(sql.substr(done, edit.from - done));
    text.append(edit.replacement);
    done = edit.to;
  }
  return text.append(sql.substr(done));
}

}  // namespace db_guard::core
