#include "rules/steps_indexes.hpp"

#include "core/sql_text.hpp"
#include "core/text.hpp"

namespace db_guard::rules {

OnlineIndex index_of(const ddl::KeySpec& key) {
  OnlineIndex index;
  index.name = key.name;
  index.definition = key.tail;
  index.part = name_part(key);
  index.unique = key.unique;
  index.if_not_exists = key.if_not_exists;
  return index;
}

namespace {

// Behind the parenthesis that closes the one at `at`.
std::size_t end_of_parentheses(std::string_view sql, std::size_t at) {
  int depth = 0;
  while (at < sql.size()) {
    if (sql[at] == '(') depth++;
    if (sql[at] == ')') depth--;
    const std::size_t end = core::end_of_token(sql, at);
    if (depth == 0) return end;
    at = core::skip_blanks(sql, end);
  }
  return sql.size();
}

}  // namespace

// REINDEX [ (options) ] TABLE name
Text reindex_concurrently(std::string_view statement) {
  const auto next = [&](std::size_t at) { return core::skip_blanks(statement, at); };
  std::size_t at = next(core::end_of_token(statement, next(0)));
  if (at < statement.size() && statement[at] == '(') at = next(end_of_parentheses(statement, at));
  if (at >= statement.size()) return {};
  const std::size_t end = core::end_of_token(statement, at);
  const bool commented = core::end_of_code(statement) < statement.size();
  return core::concat(
      {statement.substr(0, end), " CONCURRENTLY", statement.substr(end), commented ? "\n;" : ";"});
}

}  // namespace db_guard::rules
