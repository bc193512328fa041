#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-volatile-default";

void check(const Context& context, Findings& findings) {
  if (!context.work.rewrite) return;
  const ddl::NewColumn& added = context.added();
  if (!added.volatile_default || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message =
      concat({"adding column ", context.facts.quote(context.action.column),
              " with a volatile default takes ACCESS EXCLUSIVE on ", table_with_size(context),
              " and rewrites it; reads and writes wait until it is done"});
  finding.detail =
      concat({"The default ", added.default_sql,
              " may differ from row to row, so every row is written anew", rebuilt_indexes(context),
              ". A constant, or a stable function such as now(), would not "
              "rewrite."});
  append_added_column_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_column_volatile_default;
constexpr Rule add_column_volatile_default = {
    kSlug,
    "columns",
    Severity::kBlock,
    "Adding a column with a volatile default",
    "Takes ACCESS EXCLUSIVE, writes the whole table anew and rebuilds every index.",
    "A volatile default has a value of its own for each row, so the server cannot keep one value "
    "in the catalog as it does for constants and stable functions. Reads and writes wait until "
    "every row is written.",
    "Add the column without a default, then SET DEFAULT for new rows, then backfill in "
    "batches.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();",
    "ALTER TABLE orders ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kAddColumn},
    check,
};

}  // namespace db_guard::rules
