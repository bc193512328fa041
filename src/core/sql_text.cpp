#include "core/sql_text.hpp"

namespace db_guard::core {

namespace {

constexpr auto kNone = std::string_view::npos;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

}  // namespace

// Comments nest in SQL.
std::size_t end_of_block_comment(std::string_view sql, std::size_t at) {
  int depth = 0;
  while (at + 1 < sql.size()) {
    if (sql[at] == '/' && sql[at + 1] == '*') {
      depth++;
      at += 2;
    } else if (sql[at] == '*' && sql[at + 1] == '/') {
      at += 2;
      if (--depth == 0) return at;
    } else {
      at++;
    }
  }
  return sql.size();
}

bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '$'; }

std::size_t skip_blanks(std::string_view sql, std::size_t at) {
  while (at < sql.size()) {
    if (is_blank(sql[at])) {
      at++;
    } else if (sql.substr(at, 2) == "--") {
      const auto line_end = sql.find('\n', at);
      at = line_end == kNone ? sql.size() : line_end + 1;
    } else if (sql.substr(at, 2) == "/*") {
      at = end_of_block_comment(sql, at);
    } else {
      break;
    }
  }
  return at;
}

namespace {

std::size_t end_of_quoted(std::string_view sql, std::size_t at) {
  for (at++; at < sql.size(); at++) {
    if (sql[at] != '"') continue;
    if (at + 1 < sql.size() && sql[at + 1] == '"') {
      at++;
    } else {
      return at + 1;
    }
  }
  return kNone;
}

std::size_t end_of_part(std::string_view sql, std::size_t at) {
  if (at >= sql.size()) return kNone;
  if (sql[at] == '"') return end_of_quoted(sql, at);
  if (!starts_name(sql[at])) return kNone;
  const bool unicode = (sql[at] == 'U' || sql[at] == 'u') && sql.substr(at + 1, 2) == "&\"";
  if (unicode) return kNone;
  while (at < sql.size() && continues_name(sql[at])) at++;
  return at;
}

}  // namespace

std::size_t end_of_name(std::string_view sql, std::size_t start) {
  std::size_t end = end_of_part(sql, start);
  while (end != kNone) {
    const std::size_t next = skip_blanks(sql, end);
    if (next < sql.size() && (sql[next] == '*' || sql[next] == ')')) return next + 1;
    if (next >= sql.size() || sql[next] != '.') return end;
    end = end_of_part(sql, skip_blanks(sql, next + 1));
  }
  return kNone;
}

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t behind(std::string_view sql, std::size_t at, std::string_view mark) {
  const auto found = sql.find(mark, at);
  return found == kNone ? sql.size() : found + mark.size();
}

std::size_t end_of_string(std::string_view sql, std::size_t at, bool escapes) {
  for (at++; at < sql.size(); at++) {
    if (escapes && sql[at] == '\\') {
      at++;
    } else if (sql[at] == '\'') {
      if (at + 1 >= sql.size() || sql[at + 1] != '\'') break;
      at++;
    }
  }
  return at < sql.size() ? at + 1 : sql.size();
}

// $$ or $tag$; anything else after a dollar sign is a parameter.
std::size_t end_of_dollar(std::string_view sql, std::size_t at) {
  std::size_t end = at + 1;
  if (end < sql.size() && is_digit(sql[end])) return end;
  while (end < sql.size() && continues_name(sql[end]) && sql[end] != '$') end++;
  if (end >= sql.size() || sql[end] != '$') return at + 1;
  return behind(sql, end + 1, sql.substr(at, end + 1 - at));
}

std::size_t end_of_word(std::string_view sql, std::size_t at) {
  const std::size_t start = at;
  while (at < sql.size() && continues_name(sql[at])) at++;
  const bool escapes = at == start + 1 && (sql[start] == 'e' || sql[start] == 'E');
  return escapes && at < sql.size() && sql[at] == '\'' ? end_of_string(sql, at, true) : at;
}

}  // namespace

std::size_t end_of_token(std::string_view sql, std::size_t at) {
  const char c = sql[at];
  if (c == '\'') return end_of_string(sql, at, false);
  if (c == '"') return behind(sql, at + 1, "\"");
  if (c == '$') return end_of_dollar(sql, at);
  return starts_name(c) ? end_of_word(sql, at) : at + 1;
}

std::size_t end_of_code(std::string_view sql) {
  std::size_t end = 0;
  for (std::size_t at = skip_blanks(sql, 0); at < sql.size(); at = skip_blanks(sql, end)) {
    end = end_of_token(sql, at);
  }
  return end;
}

Vector<std::string_view> split_at_commas(std::string_view sql) {
  Vector<std::string_view> parts;
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t at = skip_blanks(sql, 0); at < sql.size();
       at = skip_blanks(sql, end_of_token(sql, at))) {
    const char c = sql[at];
    if (c == '(' || c == '[') depth++;
    if ((c == ')' || c == ']') && depth > 0) depth--;
    if (c != ',' || depth > 0) continue;
    parts.push_back(trim_statement(sql.substr(start, at - start)));
    start = at + 1;
  }
  parts.push_back(trim_statement(sql.substr(start)));
  return parts;
}

std::string_view trim_comments(std::string_view sql) {
  const std::size_t start = skip_blanks(sql, 0);
  std::size_t end = start;
  for (std::size_t at = start; at < sql.size(); at = skip_blanks(sql, end)) {
    end = end_of_token(sql, at);
  }
  return sql.substr(start, end - start);
}

Text replace_tokens(std::string_view sql, std::string_view token, std::string_view replacement) {
  Text result;
  std::size_t kept = 0;
  for (std::size_t at = skip_blanks(sql, 0); at < sql.size();) {
    const std::size_t end = end_of_token(sql, at);
    if (sql.substr(at, end - at) == token) {
      result.append(sql.substr(kept, at - kept)).append(replacement);
      kept = end;
    }
    at = skip_blanks(sql, end);
  }
  return result.append(sql.substr(kept));
}

std::string_view trim_statement(std::string_view sql) {
  while (!sql.empty() && is_blank(sql.front())) sql.remove_prefix(1);
  while (!sql.empty() && (is_blank(sql.back()) || sql.back() == ';')) sql.remove_suffix(1);
  return sql;
}

}  // namespace db_guard::core
