#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-constrained-domain";

void check(const Context& context, Findings& findings) {
  if (!context.work.rewrite) return;
  const ddl::NewColumn& added = context.added();
  if (!added.constrained_domain || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message =
      concat({"adding column ", context.facts.quote(context.action.column), " of domain ",
              added.type, " takes ACCESS EXCLUSIVE on ", table_with_size(context),
              " and rewrites it; reads and writes wait until it is done"});
  finding.detail = concat({"Every row is written anew", rebuilt_indexes(context),
                           ", even where the column is NULL in all of them: that is how the server "
                           "checks the constraints of the domain. As constraints of the table they "
                           "can be validated later."});
  append_added_column_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_column_constrained_domain;
constexpr Rule add_column_constrained_domain = {
    kSlug,
    "columns",
    Severity::kBlock,
    "Adding a column of a domain with constraints",
    "Takes ACCESS EXCLUSIVE, writes the whole table anew and rebuilds every index, even where the "
    "column has no default and is NULL in every row.",
    "Reads and writes wait for all of it. Nothing in the statement shows it: the same domain "
    "without a constraint is added at once.",
    "Make the column of the type that the domain is made of, and give it the constraints of the "
    "domain as CHECK constraints of the table: NOT VALID first, then validated.",
    "CREATE DOMAIN percentage AS numeric CHECK (VALUE BETWEEN 0 AND 100);\nCREATE TABLE orders (id "
    "bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g FROM generate_series(1, "
    "1000) g;",
    "ALTER TABLE orders ADD COLUMN discount percentage;",
    "ALTER TABLE orders ADD COLUMN discount numeric;\nALTER TABLE orders ADD CONSTRAINT "
    "orders_discount_check CHECK (discount BETWEEN 0 AND 100) NOT VALID;\nALTER TABLE orders "
    "VALIDATE CONSTRAINT orders_discount_check;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kAddColumn},
    check,
};

}  // namespace db_guard::rules
