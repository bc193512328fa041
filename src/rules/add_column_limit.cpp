#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-limit";

constexpr int kMostColumns = 1600;  // the server's MaxHeapAttributeNumber
constexpr int kNearTheLimit = 1500;

bool adds_a_column(const Context& context, const ddl::Action& action) {
  return action.kind == ddl::ActionKind::kAddColumn && action.target == context.action.target &&
         !(action.if_not_exists && context.facts.column(context.relation(), action.column));
}

// One statement is reported once: for its last new column, after which so many have been counted.
// 0: this is not the last one.
int columns_afterwards(const Context& context) {
  int columns = context.relation().columns;
  const ddl::Action* last = nullptr;
  for (const ddl::Action& action : context.statement.actions) {
    if (!adds_a_column(context, action)) continue;
    columns++;
    last = &action;
  }
  return last == &context.action ? columns : 0;
}

void check(const Context& context, Findings& findings) {
  if (context.relation().columns + int(context.statement.actions.size()) < kNearTheLimit) return;
  const int columns = columns_afterwards(context);
  if (columns < kNearTheLimit) return;
  const bool too_many = columns > kMostColumns;
  Finding finding = make_finding(context, kSlug, too_many ? Severity::kBlock : Severity::kWarn);
  finding.place.column = context.action.column;
  add_evidence(finding, "columns", columns);
  finding.message = concat(
      {"with column ", context.facts.quote(context.action.column), ", ", subject(context),
       " comes to ", core::number(columns), " columns, ",
       too_many ? "which the server refuses: it allows " : "and the server refuses more than ",
       core::number(kMostColumns)});
  finding.detail = Text(
      "Columns that were dropped count as well, for ever: only a new table starts again. Rows that "
      "wide also come to the limit of a page before that.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_column_limit;
constexpr Rule add_column_limit = {
    kSlug,
    "columns",
    Severity::kBlock,
    "Adding a column to a table with nearly 1,600",
    "A table has at most 1,600 columns, and dropped ones keep their place. From 1,500 on each new "
    "one is a WARNING; where the server will refuse it, an error.",
    "The day on which no column can be added any more comes without notice, and there is no quick "
    "way out of it: the table has to be copied.",
    "Put the new columns into a table of their own with the same key, keep rarely used values in "
    "one jsonb column, or copy the table where many of the columns are dropped ones.",
    "DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE readings (id bigint PRIMARY KEY, ' || "
    "string_agg('sensor_' || g || ' real', ', ') || ')' FROM generate_series(1, 1500) g); END $$;",
    "ALTER TABLE readings ADD COLUMN humidity real;",
    "CREATE TABLE readings_of_humidity (id bigint PRIMARY KEY REFERENCES readings, humidity real);",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kAddColumn},
    check,
};

}  // namespace db_guard::rules
