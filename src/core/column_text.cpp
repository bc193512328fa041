#include "core/column_text.hpp"

#include "core/sql_text.hpp"

namespace db_guard::core {

namespace {

constexpr auto kNone = std::string_view::npos;

// "::" counts as one, so that what stands in front of a type is seen; and so does a quoted name
// with its doubled quotes.
std::string_view token_at(std::string_view sql, std::size_t at) {
  if (sql.substr(at, 2) == "::") return sql.substr(at, 2);
  std::size_t end = end_of_token(sql, at);
  while (sql[at] == '"' && end < sql.size() && sql[end] == '"') end = end_of_token(sql, end);
  return sql.substr(at, end - at);
}

bool is_blank(std::string_view token) { return skip_blanks(token, 0) == token.size(); }

// Names that stand behind these, or in front of a parenthesis or a point, are no column's.
bool introduces_other_name(std::string_view before) {
  return before == "." || before == "::" || before == "COLLATE" || before == "USING";
}

bool is_other_name(std::string_view before, std::string_view sql, std::size_t end) {
  const std::size_t next = skip_blanks(sql, end);
  const bool call = next < sql.size() && (sql[next] == '(' || sql[next] == '.');
  return call || introduces_other_name(before);
}

// Where the word REFERENCES stands, or the end of the text.
std::size_t find_references(std::string_view sql) {
  for (std::size_t at = 0; at < sql.size();) {
    const std::string_view token = token_at(sql, at);
    if (token == "REFERENCES") return at;
    at += token.size();
  }
  return sql.size();
}

Text replace_names(std::string_view sql, std::string_view from, std::string_view to) {
  Text result;
  std::string_view before;
  for (std::size_t at = 0; at < sql.size();) {
    const std::string_view token = token_at(sql, at);
    at += token.size();
    result.append(token == from && !is_other_name(before, sql, at) ? to : token);
    if (!is_blank(token)) before = token;
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
  const std::size_t list = end_of_name(sql, find_references(sql) + kWord.size());
  if (list == kNone) return Text(sql);
  return Text(sql.substr(0, list)).append(replace_names(sql.substr(list), from, to));
}

}  // namespace db_guard::core
