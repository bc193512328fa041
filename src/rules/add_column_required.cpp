#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-required";

bool has_value_for_old_rows(const ddl::NewColumn& added) {
  return added.has_default || added.serial || added.identity || added.stored_generated ||
         added.virtual_generated;
}

void check(const Context& context, Findings& findings) {
  // A column that may not be null makes the server look at the rows, where it has no constant for
  // them.
  if (!context.work.is_long()) return;
  const ddl::NewColumn& added = context.added();
  if (!added.not_null || has_value_for_old_rows(added) || context.size().bytes == 0) return;
  const Text quoted = context.facts.quote(context.action.column);
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message =
      concat({"adding column ", quoted, " NOT NULL without a default to ", table_with_size(context),
              " fails as soon as one row exists, after taking ACCESS EXCLUSIVE"});
  finding.detail = Text(
      "Existing rows have no value for the column, and code that inserts without naming it would "
      "fail from then on.");
  append_added_column_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_column_required;
constexpr Rule add_column_required = {
    kSlug,
    "columns",
    Severity::kBlock,
    "Adding a required column without a default",
    "Fails on a table that holds a row, after taking ACCESS EXCLUSIVE.",
    "Existing rows have no value for the column, and the INSERT statements of running code do not "
    "supply one.",
    "Add the column nullable (or with a constant default), deploy the code that writes "
    "it, backfill, then give it NOT NULL by way of a validated CHECK.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN currency text NOT NULL;",
    "ALTER TABLE orders ADD COLUMN currency text NOT NULL DEFAULT 'EUR';",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "error",
    {ddl::ActionKind::kAddColumn},
    check,
};

}  // namespace db_guard::rules
