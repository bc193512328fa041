#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "rename-schema";

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  const Text& schema = context.relation().name;
  const auto count = facts.objects_in_schema(schema);
  if (count == 0) return;
  const Text& quoted = context.relation().display;
  const Text new_name = facts.quote(context.action.new_name);
  Finding finding = make_object_finding(context, kSlug, Severity::kBlock);
  finding.place.schema = schema;
  add_evidence(finding, "objects", double(count));
  finding.message =
      concat({"renaming schema ", quoted, " (", core::counted(count, "object", "objects"), ") to ",
              new_name, " breaks every running statement and search_path that uses the old name"});
  finding.detail =
      dependents_text(facts.mentions(schema))
          .append(" Views and keys follow the objects themselves; no view can stand in "
                  "for a schema.");
  finding.safe_sql.push_back(
      concat({"-- deploy code that finds its tables by search_path, let the new name be in it "
              "beside the old one, then:\n",
              allowed_step(kSlug, "no code uses the old name any more",
                           concat({"ALTER SCHEMA ", quoted, " RENAME TO ", new_name, ";"}))}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule rename_schema;
constexpr Rule rename_schema = {
    kSlug,
    "renames",
    Severity::kBlock,
    "Renaming a schema",
    "Every qualified name of what is in it changes at once. No relation is locked.",
    "Code that uses the old name fails, and so does every search_path that has it in it: of roles, "
    "databases, functions and connection strings. Functions whose body is text do not follow.",
    "Deploy code that does not name the schema and finds its tables by search_path, put the new "
    "name "
    "into it beside the old one (a schema that is missing is skipped), then rename. Or make the "
    "new "
    "schema beside the old one and move one table after the other, with a view in its place.",
    "CREATE SCHEMA shop;\nCREATE TABLE shop.orders (id bigint PRIMARY KEY);\nINSERT INTO "
    "shop.orders "
    "SELECT generate_series(1, 1000);",
    "ALTER SCHEMA shop RENAME TO store;",
    "BEGIN;\nSET LOCAL db_guard.allow = 'rename-schema';\nSET LOCAL db_guard.allow_reason = 'every "
    "search_path has both names';\nALTER SCHEMA shop RENAME TO store;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kRenameSchema},
    check,
};

}  // namespace db_guard::rules
