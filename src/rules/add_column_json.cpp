#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-json";

void check(const Context& context, Findings& findings) {
  // One that exists makes the server refuse, or do nothing.
  if (context.column()) return;
  const Text& type = context.added().type;
  if (type != "json" && type != "json[]") return;
  Finding finding = make_finding(context, kSlug, Severity::kNote);
  finding.place.column = context.action.column;
  finding.message =
      concat({"column ", context.facts.quote(context.action.column), " of ", subject(context),
              " will be of type ", type, ", which has no equality; queries that need it fail"});
  finding.detail = Text(
      "SELECT DISTINCT, GROUP BY and UNION over the column need it, and no index helps to look "
      "into "
      "its values. Type jsonb can do all of that; json only keeps blanks, the order of keys and "
      "keys that occur twice.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_column_json;
constexpr Rule add_column_json = {
    kSlug,
    "columns",
    Severity::kNote,
    "Adding a column of type json",
    "Type json has no equality operator: SELECT DISTINCT, GROUP BY and UNION fail as soon as the "
    "column is among the selected ones. The lock (ACCESS EXCLUSIVE) is brief.",
    "Queries that select all columns start to fail, and a later change to jsonb rewrites the "
    "table.",
    "Use jsonb, unless the text has to come back letter by letter.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN details json;",
    "ALTER TABLE orders ADD COLUMN details jsonb;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kAddColumn},
    check,
};

}  // namespace db_guard::rules
