#include "core/sql_text.hpp"
#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "alter-column-type-statistics";

void append_steps(const Context& context, Vector<Text>& steps) {
  const Text& clause = context.action.clause;
  if (!clause.empty()) {
    steps.push_back(concat(
        {"ALTER TABLE ", context.relation().display, " ", core::trim_comments(clause), ";"}));
  }
  steps.push_back(analyze_step(context));
}

void check(const Context& context, Findings& findings) {
  if (context.work.is_long() || is_small(context) || !context.relation().has_rows()) return;
  if (!context.column()) return;
  const ddl::TypeChange& change = context.type_change();
  if (change.refused || change.old_type == change.new_type) return;
  Finding finding = make_finding(context, kSlug, Severity::kNote);
  finding.place.column = context.action.column;
  finding.message =
      concat({type_change_words(context, change),
              ", and loses the statistics of the column; reads and writes wait while it queues"});
  finding.detail = Text(
      "Nothing is rewritten. Until the next ANALYZE the planner guesses, and may choose plans that "
      "take long. Prepared "
      "statements that return the column fail once with \"cached plan must not change result "
      "type\".");
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule alter_column_type_statistics;
constexpr Rule alter_column_type_statistics = {
    kSlug,
    "types",
    Severity::kNote,
    "Changing a column type in the catalog alone",
    "Nothing is rewritten, and the lock (ACCESS EXCLUSIVE) is brief. But the server forgets the "
    "statistics of the column, and statements that sessions have prepared fail once.",
    "Plans get worse until the column is analysed again, which on a table that changes little may "
    "take days. Connection poolers that prepare statements pass the error on to the application.",
    "ANALYZE the column right after the change, and let the application prepare its statements "
    "again.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, note varchar(50));\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN note TYPE text;",
    "ALTER TABLE orders ADD COLUMN remark text;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kSetColumnType},
    check,
    nullptr,
    false,
    true,
};

}  // namespace db_guard::rules
