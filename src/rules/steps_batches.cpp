#include "rules/steps_batches.hpp"

#include <algorithm>

#include "core/sql_text.hpp"
#include "core/text.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

bool is_word(std::string_view text, std::string_view word) {
  return text.size() == word.size() &&
         std::equal(text.begin(), text.end(), word.begin(), [](char c, char lower) {
           return (c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c) == lower;
         });
}

// The offset of the first of the words that stands in no parenthesis; the end where none does.
std::size_t find_word(std::string_view sql, std::size_t at,
                      std::initializer_list<std::string_view> words) {
  int depth = 0;
  for (at = core::skip_blanks(sql, at); at < sql.size();) {
    const std::size_t end = core::end_of_token(sql, at);
    if (sql[at] == '(' || sql[at] == '[') depth++;
    if (sql[at] == ')' || sql[at] == ']') depth--;
    const std::string_view token = sql.substr(at, end - at);
    if (depth == 0 && std::any_of(words.begin(), words.end(),
                                  [&](std::string_view word) { return is_word(token, word); })) {
      return at;
    }
    at = core::skip_blanks(sql, end);
  }
  return sql.size();
}

Text part(std::string_view sql, std::size_t from, std::size_t to) {
  return Text(core::trim_statement(sql.substr(from, to - from)));
}

constexpr std::string_view kSet = "set";
constexpr std::string_view kFrom = "from";
constexpr std::string_view kWhere = "where";

// Where the table's name starts; the end where the statement is neither UPDATE nor DELETE FROM.
std::size_t start_of_target(std::string_view sql) {
  const std::size_t first = core::skip_blanks(sql, 0);
  if (first >= sql.size()) return sql.size();
  const std::size_t end = core::end_of_token(sql, first);
  const std::string_view word = sql.substr(first, end - first);
  if (is_word(word, "update")) return core::skip_blanks(sql, end);
  if (!is_word(word, "delete")) return sql.size();
  const std::size_t from = find_word(sql, end, {kFrom});
  return from == sql.size() ? from : core::skip_blanks(sql, from + kFrom.size());
}

}  // namespace

std::optional<ChangeText> split_change(std::string_view statement) {
  const std::size_t start = start_of_target(statement);
  if (start >= statement.size()) return std::nullopt;
  const std::size_t more =
      find_word(statement, start, {kFrom, "using", "returning", "current", "with"});
  if (more != statement.size()) return std::nullopt;
  const std::size_t set = find_word(statement, start, {kSet});
  const std::size_t where = find_word(statement, start, {kWhere});
  ChangeText text;
  text.target = part(statement, start, std::min(set, where));
  if (set < where) text.changes = part(statement, set + kSet.size(), where);
  if (where < statement.size()) {
    text.condition = part(statement, where + kWhere.size(), statement.size());
  }
  return text;
}

namespace {

// As a token of its own, plain or quoted.
bool names(std::string_view sql, std::string_view raw) {
  const Text quoted = concat({"\"", raw, "\""});
  for (std::size_t at = core::skip_blanks(sql, 0); at < sql.size();) {
    const std::size_t end = core::end_of_token(sql, at);
    const std::string_view token = sql.substr(at, end - at);
    if (token == quoted || is_word(token, raw)) return true;
    at = core::skip_blanks(sql, end);
  }
  return false;
}

// A comment at its end must not swallow what follows.
Text in_parentheses(std::string_view condition) { return concat({"(", condition, "\n     )"}); }

// Of the largest table that the statement reaches.
Text count_pages(const Context& context) {
  const ddl::Relation& relation = context.relation();
  const Text table = context.facts.quote_literal(relation.display);
  constexpr std::string_view kBlocks = " / current_setting('block_size')::int";
  if (!relation.has_children && !relation.partitioned()) {
    return concat({"SELECT pg_relation_size(", table, ")", kBlocks, " INTO batch_end"});
  }
  return concat({"WITH RECURSIVE tables (id) AS (SELECT ", table,
                 "::regclass::oid UNION ALL\n"
                 "    SELECT inhrelid FROM pg_inherits JOIN tables ON inhparent = id)\n"
                 "  SELECT max(pg_relation_size(id))",
                 kBlocks, " INTO batch_end FROM tables"});
}

// Page by page, so that no page is read twice for the rows that are left. What a concurrent UPDATE
// moves to a page already passed is found by the look at the end.
Text batched_delete(const Context& context, const ChangeText& text) {
  const Text condition = in_parentheses(text.condition);
  const bool all = text.condition.empty();
  return core::fill(R"sql(DO $batches$
DECLARE
  batch_start bigint := 0;
  batch_end bigint;
BEGIN
  {count};
  LOOP
    DELETE FROM {target}
     WHERE ctid >= format('(%s,0)', batch_start)::tid
       AND ctid < format('(%s,0)', batch_start + 500)::tid{and};
    COMMIT;
    batch_start := batch_start + 500;
    CONTINUE WHEN batch_start <= batch_end;
    EXIT{unless};
    batch_start := 0;
  END LOOP;
END $batches$;)sql",
                    {{"count", count_pages(context)},
                     {"target", text.target},
                     {"and", all ? Text() : concat({"\n       AND ", condition})},
                     {"unless", all ? Text()
                                    : concat({" WHEN NOT EXISTS (SELECT FROM ", text.target,
                                              " WHERE ", condition, ")"})}});
}

// Along the primary key, so that no row is changed twice, whatever SET says.
Text batched_update(const Context& context, const ChangeText& text, const Text& key,
                    const Text& type) {
  return core::fill(R"sql(DO $batches$
DECLARE
  batch_start {type} := (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1);
  batch_end {type};
BEGIN
  WHILE batch_start IS NOT NULL LOOP
    batch_end := (SELECT {key} FROM {table} WHERE {key} > batch_start
                   ORDER BY {key} OFFSET 4999 LIMIT 1);
    UPDATE {target} SET {changes}
     WHERE {key} >= batch_start AND (batch_end IS NULL OR {key} < batch_end){and};
    COMMIT;
    batch_start := batch_end;
  END LOOP;
END $batches$;)sql",
                    {{"type", type},
                     {"key", key},
                     {"table", context.relation().display},
                     {"target", text.target},
                     {"changes", text.changes},
                     {"and", text.condition.empty()
                                 ? Text()
                                 : concat({"\n       AND ", in_parentheses(text.condition)})}});
}

}  // namespace

void append_batched_change(const Context& context, Vector<Text>& steps) {
  const auto text = split_change(context.statement.text);
  if (!text || context.statement.text.find("$batches$") != Text::npos) return;
  if (context.action.kind == ddl::ActionKind::kDelete) {
    steps.push_back(batched_delete(context, *text));
    return;
  }
  const auto key = context.facts.primary_key(context.relation());
  if (key.size() != 1 || text->changes.empty()) return;
  const auto column = context.facts.column(context.relation(), key.front());
  if (!column) return;
  const Text quoted = context.facts.quote(column->name);
  if (names(text->changes, column->name)) return;
  steps.push_back(batched_update(context, *text, quoted, column->type));
}

}  // namespace db_guard::rules
