#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "rename-enum-value";

Text described(ddl::Facts& facts, const Vector<ddl::TypedColumn>& columns) {
  constexpr std::size_t kMostColumns = 5;
  Vector<Text> names;
  for (const ddl::TypedColumn& column : columns) {
    names.push_back(concat({column.relation.display, ".", facts.quote(column.column)}));
  }
  return core::list_of(names, kMostColumns);
}

// Arrays hold the value in places that no plain assignment names.
void append_backfills(const Context& context, const Vector<ddl::TypedColumn>& columns,
                      Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const Text from = facts.quote_literal(context.action.part);
  const Text to = facts.quote_literal(context.action.new_name);
  for (const ddl::TypedColumn& column : columns) {
    if (!column.relation.has_rows()) continue;
    const Text name = facts.quote(column.column);
    const Context here(context.statement, context.effects, facts, context.action, column.relation,
                       context.small_table_size);
    steps.push_back(
        column.array
            ? backfill_step(here,
                            concat({name, " = array_replace(", name, ", ", from, ", ", to, ")"}),
                            concat({from, " = ANY (", name, ")"}))
            : backfill_step(here, concat({name, " = ", to}), concat({name, " = ", from})));
  }
}

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  const auto columns = facts.columns_of_type(context.action.target);
  if (columns.empty()) return;
  const Text& type = context.relation().display;
  const Text from = facts.quote_literal(context.action.part);
  const Text to = facts.quote_literal(context.action.new_name);
  Finding finding = make_object_finding(context, kSlug, Severity::kBlock);
  finding.message = concat({"renaming value ", from, " of type ", type, " to ", to,
                            " breaks every running statement that uses the old value"});
  finding.detail = concat({"The type is that of ", described(facts, columns),
                           ". No table is locked and no row is written: all rows read differently "
                           "from one moment to the next."});
  finding.safe_sql.push_back(
      concat({"ALTER TYPE ", type, " ADD VALUE IF NOT EXISTS ", to, " AFTER ", from, ";"}));
  Vector<Text> backfills;
  append_backfills(context, columns, backfills);
  if (!backfills.empty()) {
    backfills.front().insert(
        0, "-- deploy code that reads both values and writes the new one, then:\n");
  }
  for (Text& step : backfills) finding.safe_sql.push_back(std::move(step));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule rename_enum_value;
constexpr Rule rename_enum_value = {
    kSlug,
    "renames",
    Severity::kBlock,
    "Renaming a value of an enum",
    "Every row that holds the value reads as the new one from the moment the transaction commits, "
    "and the old one is no valid input any more. No table is locked. A type that no column has is "
    "left alone.",
    "Code that compares with the old value or writes it fails until it is changed and deployed.",
    "Add the new value beside the old one, deploy code that reads both and writes the new one, and "
    "change the rows in batches. The old value stays in the type; no row holds it.",
    "CREATE TYPE state AS ENUM ('open', 'done');\nCREATE TABLE orders (id bigint PRIMARY KEY, "
    "progress state);\nINSERT INTO orders SELECT g, 'open' FROM generate_series(1, 1000) g;",
    "ALTER TYPE state RENAME VALUE 'done' TO 'closed';",
    "ALTER TYPE state ADD VALUE IF NOT EXISTS 'closed' AFTER 'done';",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kRenameEnumValue},
    check,
};

}  // namespace db_guard::rules
