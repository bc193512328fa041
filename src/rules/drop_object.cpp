#include "rules/losses.hpp"
#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-object";

// Of an extension no code knows the name, and DROP EXTENSION db_guard must always work.
Vector<ddl::Dependent> users_of(const Context& context) {
  if (context.action.object_kind == "extension") return {};
  return context.facts.mentions(context.action.target.name);
}

void check(const Context& context, Findings& findings) {
  const ddl::Action& action = context.action;
  if (action.object_kind == "extension" && action.target.name == "db_guard") return;
  if (!context.facts.has_object(action.object_kind, action.target)) return;
  const auto users = users_of(context);
  Finding finding =
      make_object_finding(context, kSlug, users.empty() ? Severity::kNote : Severity::kWarn);
  finding.message = concat({"dropping ", action.object_kind, " ", context.relation().display,
                            action.object_kind == "extension"
                                ? " breaks every statement that uses what it has brought"
                                : " breaks every statement that still names it"});
  finding.detail = dependents_text(users);
  if (!context.statement.text.empty()) {
    finding.safe_sql.push_back(
        concat({"-- deploy the code that no longer uses it, then:\n",
                allowed_step(rules_to_allow(context, kSlug), "no code uses it any more",
                             concat({context.statement.text, ";"}))}));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_object;
constexpr Rule drop_object = {
    kSlug,
    "drops",
    Severity::kWarn,
    "Dropping a function, type or extension",
    "The name is gone the moment the transaction commits. It is a WARNING where the text of a "
    "function mentions it, and a note where no use is known.",
    "The server refuses the DROP for what it knows to depend on the object: columns of a type, "
    "triggers, indexes and defaults that call a function. It knows nothing of function bodies "
    "that are text, and nothing of code outside.",
    "Deploy code that does not use it first. CREATE OR REPLACE FUNCTION changes a function without "
    "dropping it, as long as its arguments and its result stay.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nCREATE FUNCTION tax(numeric) "
    "RETURNS numeric LANGUAGE sql AS 'SELECT $1 * 0.19';\nCREATE FUNCTION gross(numeric) RETURNS "
    "numeric LANGUAGE plpgsql AS $$BEGIN RETURN $1 + tax($1); END$$;",
    "DROP FUNCTION tax(numeric);",
    "BEGIN;\nSET LOCAL db_guard.allow = 'drop-object';\nSET LOCAL db_guard.allow_reason = 'gross "
    "is replaced in the same release';\nDROP FUNCTION tax(numeric);\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kDropObject},
    check,
};

}  // namespace db_guard::rules
