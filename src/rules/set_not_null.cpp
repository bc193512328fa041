#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "set-not-null";

Text why_it_reads(const Context& context) {
  const auto& column = context.column();
  ddl::NotNullPromise promise;
  if (column) promise = context.facts.not_null_promise(context.relation(), *column);
  if (promise.constraint.empty()) {
    return Text(
        "No validated CHECK constraint proves that the column holds no NULL, so the server has to "
        "look at every row.");
  }
  return concat({"Constraint ", context.facts.quote(promise.constraint),
                 promise.native ? " makes it NOT NULL already" : " would prove it",
                 ", but is not validated. Its validation also looks at every row, with reads and "
                 "writes going on."});
}

void check(const Context& context, Findings& findings) {
  if (!context.work.scan || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message = concat({"SET NOT NULL on column ", context.facts.quote(context.action.column),
                            " takes ACCESS EXCLUSIVE on ", table_with_size(context),
                            " and scans every row; reads and writes wait until it is done"});
  finding.detail = why_it_reads(context);
  append_not_null_steps(context, context.action.column, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule set_not_null;
constexpr Rule set_not_null = {
    kSlug,
    "columns",
    Severity::kBlock,
    "SET NOT NULL that scans the table",
    "Takes ACCESS EXCLUSIVE and reads the whole table to see whether a NULL is there.",
    "Reads and writes wait for the scan. A validated CHECK constraint that implies IS "
    "NOT NULL makes the scan unnecessary (PostgreSQL 12 and later).",
    "Add CHECK (column IS NOT NULL) NOT VALID, validate it (SHARE UPDATE EXCLUSIVE, "
    "reads and writes go on), then SET NOT NULL, which needs no scan any more. From "
    "PostgreSQL 18 on: ADD CONSTRAINT ... NOT NULL ... NOT VALID and VALIDATE, and no SET NOT NULL "
    "in between: it would scan.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN total SET NOT NULL;",
    "ALTER TABLE orders ADD CONSTRAINT total_not_null CHECK (total IS NOT NULL) NOT "
    "VALID;\nALTER TABLE orders VALIDATE CONSTRAINT total_not_null;\nALTER TABLE orders "
    "ALTER COLUMN total SET NOT NULL;\nALTER TABLE orders DROP CONSTRAINT total_not_null;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "scan",
    {ddl::ActionKind::kSetNotNull},
    check,
};

}  // namespace db_guard::rules
