#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "change-default";

// Such a default is set to have a value in every row, and the rows of now get none.
bool leaves_rows_without_value(const Context& context, const ddl::Column& column) {
  return context.action.kind == ddl::ActionKind::kSetDefault && !column.not_null &&
         context.facts.has_volatile_default(context.relation(), context.action);
}

bool breaks_inserts(const Context& context, const ddl::Column& column) {
  return context.action.kind == ddl::ActionKind::kDropDefault && column.not_null &&
         column.has_default;
}

void check(const Context& context, Findings& findings) {
  const auto& column = context.column();
  if (!column || context.size().bytes == 0) return;
  const bool breaks = breaks_inserts(context, *column);
  if (!breaks && !leaves_rows_without_value(context, *column)) return;
  const Text quoted = context.facts.quote(column->name);
  Finding finding = make_finding(context, kSlug, Severity::kNote);
  finding.place.column = column->name;
  finding.message =
      breaks ? concat({"without its default, column ", quoted, " of ", subject(context),
                       " has to be in every INSERT, since it is NOT NULL"})
             : concat({"the new default of column ", quoted, " is for rows to come; those that ",
                       subject(context), " holds keep what they have"});
  finding.detail = Text(breaks ? "Statements of running code that leave the column out fail."
                               : "A default that is given with ADD COLUMN fills the rows of now, "
                                 "one that is set later does not: fill them in batches, where "
                                 "they are to have a value.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule change_default;
constexpr Rule change_default = {
    kSlug,
    "columns",
    Severity::kNote,
    "Changing a default that rows or code rely on",
    "SET DEFAULT with a volatile function (a random value, the next number) leaves the rows of now "
    "without a value; DROP DEFAULT on a NOT NULL column makes every INSERT that leaves it out "
    "fail. The lock (ACCESS EXCLUSIVE) is brief.",
    "Keys and tokens that are missing in old rows, or errors in code that nobody has touched.",
    "After SET DEFAULT fill the old rows in batches. Before DROP DEFAULT deploy the code that "
    "writes the column, or drop NOT NULL as well.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL DEFAULT 0);\nINSERT INTO "
    "orders SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN total DROP DEFAULT;",
    "ALTER TABLE orders ALTER COLUMN total SET DEFAULT 1;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropDefault, ddl::ActionKind::kSetDefault},
    check,
};

}  // namespace db_guard::rules
