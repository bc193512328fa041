#include "rules/reach.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-database";

// The command cannot run in a transaction block.
void append_steps(const Text& database, Vector<Text>& steps) {
  steps.push_back(concat({"-- nobody can connect any more, and everything is still there:\nALTER "
                          "DATABASE ",
                          database, " WITH ALLOW_CONNECTIONS false;"}));
  steps.push_back(
      concat({"-- keep a dump, wait for complaints, then:\nSET db_guard.allow = '", kSlug, "';"}));
  steps.emplace_back("SET db_guard.allow_reason = 'nobody has missed it';");
  steps.push_back(concat({"DROP DATABASE ", database, ";"}));
  steps.emplace_back("RESET db_guard.allow;");
  steps.emplace_back("RESET db_guard.allow_reason;");
}

void check(const Context& context, Findings& findings) {
  if (!context.facts.has_database(context.relation().name)) return;
  const Text& database = context.relation().display;
  Finding finding = make_object_finding(context, kSlug, Severity::kBlock);
  finding.message = concat({"dropping database ", database, " loses everything in it"});
  finding.detail =
      Text("It cannot be undone, and cannot be rolled back: the command runs outside of "
           "transactions.");
  append_steps(database, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_database;
constexpr Rule drop_database = {
    kSlug,
    "drops",
    Severity::kBlock,
    "Dropping a database",
    "Every file of the database is removed at once. Nothing can roll that back.",
    "Only a backup brings it back. Event triggers do not see the command: the guard does where its "
    "library is preloaded.",
    "Forbid connections first, which can be taken back; keep a dump; drop the database when nobody "
    "has missed it, with an override that gives the reason.",
    "CREATE DATABASE old_shop;",
    "DROP DATABASE old_shop;",
    "SET db_guard.allow = 'drop-database';\nSET db_guard.allow_reason = 'moved to another "
    "cluster';\nDROP DATABASE old_shop;\nRESET db_guard.allow;\nRESET db_guard.allow_reason;",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kDropDatabase},
    check,
};

}  // namespace db_guard::rules
