#include "core/sql_tokens.hpp"

#include <algorithm>

#include "core/sql_text.hpp"

namespace db_guard::core {

namespace {

constexpr auto kNone = std::string_view::npos;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; }

// Behind the quote that closes what the one at `at` opens; a doubled quote is one of the text.
std::size_t end_of_quoted(std::string_view sql, std::size_t at, bool escapes) {
  const char quote = sql[at];
  for (at++; at < sql.size(); at++) {
    if (escapes && sql[at] == '\\') {
      at++;
    } else if (sql[at] == quote) {
      if (at + 1 >= sql.size() || sql[at + 1] != quote) return at + 1;
      at++;
    }
  }
  return sql.size();
}

// The length of the tag $...$ at `at`; 0 where none stands there ($1 is a parameter).
std::size_t dollar_tag(std::string_view sql, std::size_t at) {
  std::size_t end = at + 1;
  if (end < sql.size() && is_digit(sql[end])) return 0;
  while (end < sql.size() && continues_name(sql[end]) && sql[end] != '$') end++;
  return end < sql.size() && sql[end] == '$' ? end + 1 - at : 0;
}

Token token_of(TokenKind kind, std::string_view sql, std::size_t from, std::size_t to) {
  return {kind, sql.substr(from, to - from), from};
}

Token dollar_token(std::string_view sql, std::size_t at) {
  const std::size_t length = dollar_tag(sql, at);
  if (length == 0) return token_of(TokenKind::kSign, sql, at, at + 1);
  const auto close = sql.find(sql.substr(at, length), at + length);
  return token_of(TokenKind::kDollar, sql, at, close == kNone ? sql.size() : close + length);
}

Token word_token(std::string_view sql, std::size_t at) {
  std::size_t end = at;
  while (end < sql.size() && continues_name(sql[end])) end++;
  const bool is_escape = end - at == 1 && lower(sql[at]) == 'e';
  if (is_escape && end < sql.size() && sql[end] == '\'') {
    return token_of(TokenKind::kString, sql, at, end_of_quoted(sql, end, true));
  }
  return token_of(TokenKind::kWord, sql, at, end);
}

Token comment_token(std::string_view sql, std::size_t at) {
  if (sql[at] == '/') {
    return token_of(TokenKind::kComment, sql, at, end_of_block_comment(sql, at));
  }
  const auto line_end = sql.find('\n', at);
  return token_of(TokenKind::kComment, sql, at, line_end == kNone ? sql.size() : line_end);
}

}  // namespace

Token next_token(std::string_view sql, std::size_t at) {
  while (at < sql.size() && is_blank(sql[at])) at++;
  if (at >= sql.size()) return {TokenKind::kEnd, {}, sql.size()};
  const std::string_view two = sql.substr(at, 2);
  if (two == "--" || two == "/*") return comment_token(sql, at);
  switch (sql[at]) {
    case '\'':
      return token_of(TokenKind::kString, sql, at, end_of_quoted(sql, at, false));
    case '"':
      return token_of(TokenKind::kQuotedName, sql, at, end_of_quoted(sql, at, false));
    case '$':
      return dollar_token(sql, at);
    default:
      break;
  }
  if (starts_name(sql[at]) || is_digit(sql[at])) return word_token(sql, at);
  return token_of(TokenKind::kSign, sql, at, at + 1);
}

bool is_keyword(const Token& token, std::string_view keyword) {
  return token.kind == TokenKind::kWord && token.text.size() == keyword.size() &&
         std::equal(token.text.begin(), token.text.end(), keyword.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

namespace {

// The escapes that people use in SQL texts; \x and \u keep their letters, which no statement needs.
char escaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return c;
  }
}

Text unquoted(std::string_view inner, bool escapes) {
  Text value;
  for (std::size_t i = 0; i < inner.size(); i++) {
    const bool more = i + 1 < inner.size();
    if (escapes && inner[i] == '\\' && more) {
      value.push_back(escaped(inner[++i]));
    } else {
      value.push_back(inner[i]);
      if (inner[i] == '\'' && more) i++;
    }
  }
  return value;
}

}  // namespace

Text string_value(std::string_view token) {
  if (token.empty()) return {};
  if (token.front() == '$') {
    const std::size_t tag = dollar_tag(token, 0);
    std::string_view inner = token.substr(tag);
    const bool closed =
        inner.size() >= tag && inner.substr(inner.size() - tag) == token.substr(0, tag);
    return Text(closed ? inner.substr(0, inner.size() - tag) : inner);
  }
  const bool escapes = token.front() != '\'';
  std::string_view inner = token.substr(escapes ? 2 : 1);
  if (end_of_quoted(token, escapes ? 1 : 0, escapes) == token.size() && !inner.empty() &&
      inner.back() == '\'') {
    inner.remove_suffix(1);
  }
  return unquoted(inner, escapes);
}

Text without_layout(std::string_view sql) {
  Text text;
  for (Token token = next_token(sql, 0); token.kind != TokenKind::kEnd;
       token = next_token(sql, token.end())) {
    if (token.kind == TokenKind::kComment) continue;
    if (!text.empty()) text.push_back(' ');
    const std::size_t start = text.size();
    text.append(token.text);
    if (token.kind != TokenKind::kWord) continue;
    std::transform(text.begin() + std::ptrdiff_t(start), text.end(),
                   text.begin() + std::ptrdiff_t(start), lower);
  }
  return text;
}

}  // namespace db_guard::core
