#include <algorithm>

#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-check";

bool has_check(const Context& context) {
  const auto& parts = context.action.parts;
  return std::any_of(parts.begin(), parts.end(), [](const ddl::ColumnPart& part) {
    return part.kind == ddl::PartKind::kCheck && part.enforced;
  });
}

Text why(const Context& context) {
  if (context.added().virtual_generated) {
    return Text("The server computes the new column for every row and checks it against the "
                "constraint. The "
                "column alone is there at once.");
  }
  return Text(
      "The server checks every row against the constraint, even though the new column has the same "
      "value in all of them, or none. The column alone is there at once.");
}

void check(const Context& context, Findings& findings) {
  if (!context.work.scan || !has_check(context) || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message =
      concat({"adding column ", context.facts.quote(context.action.column),
              " with a CHECK constraint takes ACCESS EXCLUSIVE on ", table_with_size(context),
              " and scans every row; reads and writes wait until it is done"});
  finding.detail = why(context);
  append_added_column_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_column_check;
constexpr Rule add_column_check = {
    kSlug,
    "columns",
    Severity::kBlock,
    "Adding a column with a CHECK constraint",
    "Takes ACCESS EXCLUSIVE and reads the whole table to check the constraint, even where the "
    "column has a constant default, or none.",
    "Reads and writes wait for the scan. Without the CHECK the same column would be there at once.",
    "Add the column alone, then the constraint NOT VALID, then validate it: that scan lets reads "
    "and writes go on.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN discount integer DEFAULT 0 CHECK (discount >= 0);",
    "ALTER TABLE orders ADD COLUMN discount integer DEFAULT 0;\nALTER TABLE orders ADD CONSTRAINT "
    "orders_discount_check CHECK (discount >= 0) NOT VALID;\nALTER TABLE orders VALIDATE "
    "CONSTRAINT orders_discount_check;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "scan",
    {ddl::ActionKind::kAddColumn},
    check,
};

}  // namespace db_guard::rules
