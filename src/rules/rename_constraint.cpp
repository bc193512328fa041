#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "rename-constraint";

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  const auto users = facts.mentions(context.action.constraint);
  if (users.empty()) return;
  const Text old_name = facts.quote(context.action.constraint);
  Finding finding = make_finding(context, kSlug, Severity::kWarn);
  finding.place.constraint = context.action.constraint;
  finding.message =
      concat({"renaming constraint ", old_name, " of ", subject(context), " to ",
              facts.quote(context.action.new_name), " breaks what relies on its name"});
  finding.detail = concat({"ON CONFLICT ON CONSTRAINT names it, and so does code that looks at the "
                           "constraint field of an error. ",
                           dependents_text(users)});
  finding.safe_sql.push_back(
      concat({"-- let ON CONFLICT name the columns, then:\n",
              allowed_step(kSlug, "nothing names it any more",
                           concat({"ALTER TABLE ", context.action.only ? "ONLY " : "",
                                   context.relation().display, " RENAME CONSTRAINT ", old_name,
                                   " TO ", facts.quote(context.action.new_name), ";"}))}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule rename_constraint;
constexpr Rule rename_constraint = {
    kSlug,
    "renames",
    Severity::kWarn,
    "Renaming a constraint that code names",
    "Reported where the text of a function mentions the name. The lock (ACCESS EXCLUSIVE) is "
    "brief.",
    "INSERT ... ON CONFLICT ON CONSTRAINT fails when the name is gone, and code that tells errors "
    "apart by the constraint's name does not recognise them any more.",
    "Name the columns in ON CONFLICT, not the constraint, and rename it when that is deployed.",
    "CREATE TABLE orders (id bigint CONSTRAINT orders_id UNIQUE, total numeric);\nINSERT INTO "
    "orders "
    "SELECT g, g FROM generate_series(1, 1000) g;\nCREATE FUNCTION put(bigint) RETURNS void "
    "LANGUAGE plpgsql AS $$BEGIN INSERT INTO orders VALUES ($1) ON CONFLICT ON CONSTRAINT "
    "orders_id "
    "DO NOTHING; END$$;",
    "ALTER TABLE orders RENAME CONSTRAINT orders_id TO orders_key;",
    "CREATE OR REPLACE FUNCTION "
    "put(bigint) RETURNS void LANGUAGE plpgsql AS $$BEGIN INSERT INTO orders VALUES ($1) ON "
    "CONFLICT (id) DO NOTHING; END$$;\nALTER TABLE orders RENAME CONSTRAINT orders_id "
    "TO orders_key;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kRenameConstraint},
    check,
};

}  // namespace db_guard::rules
