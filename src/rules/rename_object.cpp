#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "rename-object";

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  const ddl::Action& action = context.action;
  const bool moves = !action.other.schema.empty();
  const auto users = facts.mentions(action.target.name);
  Finding finding =
      make_object_finding(context, kSlug, users.empty() ? Severity::kNote : Severity::kWarn);
  finding.message =
      concat({moves ? "moving " : "renaming ", action.object_kind, " ", context.relation().display,
              moves ? " to schema " : " to ", facts.quote(action.new_name),
              " breaks every running statement that uses the old name"});
  finding.detail = dependents_text(users);
  if (!context.statement.text.empty()) {
    finding.safe_sql.push_back(
        concat({"-- deploy the code that uses the new name, or both, then:\n",
                allowed_step(kSlug, "no code uses the old name any more",
                             concat({context.statement.text, ";"}))}));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule rename_object;
constexpr Rule rename_object = {
    kSlug,
    "renames",
    Severity::kWarn,
    "Renaming or moving a function or type",
    "The old name is gone the moment the transaction commits. It is a WARNING where the text of a "
    "function mentions it, and a note where no use is known.",
    "Columns, triggers and views follow the object itself; functions whose body is text and code "
    "outside do not.",
    "Create the function under the new name as well, deploy code that uses it, then drop the old "
    "one. A type can be moved while both schemas are in every search_path.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nCREATE FUNCTION tax(numeric) "
    "RETURNS numeric LANGUAGE sql AS 'SELECT $1 * 0.19';\nCREATE FUNCTION gross(numeric) RETURNS "
    "numeric LANGUAGE plpgsql AS $$BEGIN RETURN $1 + tax($1); END$$;",
    "ALTER FUNCTION tax(numeric) RENAME TO value_added_tax;",
    "CREATE FUNCTION value_added_tax(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT $1 * 0.19';",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kRenameObject},
    check,
};

}  // namespace db_guard::rules
