#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-not-null";

void check(const Context& context, Findings& findings) {
  const auto& column = context.column();
  if (!column || !column->not_null || context.size().bytes == 0) return;
  Finding finding = make_finding(context, kSlug, Severity::kNote);
  finding.place.column = column->name;
  finding.message = concat({"column ", context.facts.quote(column->name), " of ", subject(context),
                            " may hold NULL from now on; code that reads it has to expect that"});
  finding.detail = Text(
      "NOT IN and comparisons mean something else where a value is NULL, and the way back to NOT "
      "NULL reads every row.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_not_null;
constexpr Rule drop_not_null = {
    kSlug,
    "columns",
    Severity::kNote,
    "Dropping NOT NULL",
    "The column may hold NULL from now on. The lock (ACCESS EXCLUSIVE) is brief; nothing is read "
    "or written.",
    "Code that reads the column may not expect NULL, and clients that were generated from the "
    "schema say that it cannot be.",
    "Deploy the code that can read NULL first. To get NOT NULL back takes a validated constraint.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN total DROP NOT NULL;",
    "ALTER TABLE orders ALTER COLUMN total SET DEFAULT 0;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropNotNull},
    check,
};

}  // namespace db_guard::rules
