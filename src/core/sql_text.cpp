#include "core/sql_text.hpp"

#include <algorithm>

namespace db_guard::core {

namespace {

constexpr auto kNone = std::string_view::npos;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

// Comments nest in SQL.
std::size_t skip_block_comment(std::string_view sql, std::size_t at) {
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

}  // namespace

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
      at = skip_block_comment(sql, at);
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

// Behind the string that starts at `at`: 'it''s', or E'it\'s' where the server has to print that.
std::size_t end_of_string(std::string_view sql, std::size_t at) {
  const bool escapes = at > 0 && sql[at - 1] == 'E';
  for (at++; at < sql.size(); at++) {
    if (escapes && sql[at] == '\\') {
      at++;
    } else if (sql[at] == '\'') {
      if (at + 1 >= sql.size() || sql[at + 1] != '\'') return at + 1;
      at++;
    }
  }
  return sql.size();
}

// The names that follow these, or that these follow, are no column's.
bool introduces_other_name(std::string_view before) {
  return before == "." || before == "::" || before == "COLLATE" || before == "USING";
}

bool is_other_name(std::string_view before, std::string_view sql, std::size_t end) {
  const std::size_t next = skip_blanks(sql, end);
  const bool call = next < sql.size() && (sql[next] == '(' || sql[next] == '.');
  return call || introduces_other_name(before);
}

std::size_t end_of_token(std::string_view sql, std::size_t at) {
  if (sql[at] == '\'') return end_of_string(sql, at);
  if (sql[at] == '"' || starts_name(sql[at])) return std::min(end_of_part(sql, at), sql.size());
  return sql.substr(at, 2) == "::" ? at + 2 : at + 1;
}

// Where the word REFERENCES stands, or the end of the text.
std::size_t find_references(std::string_view sql) {
  for (std::size_t at = 0; at < sql.size();) {
    const std::size_t end = end_of_token(sql, at);
    if (sql.substr(at, end - at) == "REFERENCES") return at;
    at = end;
  }
  return sql.size();
}

Text replace_names(std::string_view sql, std::string_view from, std::string_view to) {
  Text result;
  std::string_view before;
  for (std::size_t at = 0; at < sql.size();) {
    const std::size_t end = end_of_token(sql, at);
    const std::string_view token = sql.substr(at, end - at);
    result.append(token == from && !is_other_name(before, sql, end) ? to : token);
    if (!is_blank(token.front())) before = token;
    at = end;
  }
  return result;
}

}  // namespace

Text replace_column(std::string_view sql, std::string_view from, std::string_view to) {
  const std::size_t end = find_references(sql);
  return replace_names(sql.substr(0, end), from, to).append(sql.substr(end));
}

Text replace_referenced_column(std::string_view sql, std::string_view from, std::string_view to) {
  constexpr std::string_view kWord = "REFERENCES ";
  const std::size_t start = find_references(sql) + kWord.size();
  const std::size_t list = end_of_name(sql, start);
  if (list == kNone) return Text(sql);
  return Text(sql.substr(0, list)).append(replace_names(sql.substr(list), from, to));
}

std::string_view trim_statement(std::string_view sql) {
  while (!sql.empty() && is_blank(sql.front())) sql.remove_prefix(1);
  while (!sql.empty() && (is_blank(sql.back()) || sql.back() == ';')) sql.remove_suffix(1);
  return sql;
}

}  // namespace db_guard::core
