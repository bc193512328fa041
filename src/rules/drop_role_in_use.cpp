#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-role-in-use";

void check(const Context& context, Findings& findings) {
  const int sessions = context.facts.sessions_of_role(context.action.target.name);
  if (sessions == 0) return;
  const Text count = core::counted(std::size_t(sessions), "session is", "sessions are");
  Finding finding;
  finding.rule = kSlug;
  finding.severity = Severity::kWarn;
  finding.object = context.relation().display;
  finding.message =
      concat({"dropping role ", context.relation().display, " while ", count, " logged in as it"});
  finding.detail = Text(
      "They go on without a role of that name, with errors that are hard to read, and cannot come "
      "back once they are disconnected.");
  finding.safe_sql.push_back(concat({"ALTER ROLE ", context.relation().display, " NOLOGIN;"}));
  finding.safe_sql.push_back(
      concat({"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ",
              context.facts.quote_literal(context.action.target.name), ";"}));
  finding.safe_sql.push_back(concat({"DROP ROLE ", context.relation().display, ";"}));
  add_evidence(finding, "sessions", double(sessions));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_role_in_use;
constexpr Rule drop_role_in_use = {
    kSlug,
    "server",
    Severity::kWarn,
    "Dropping a role that is logged in",
    "DROP ROLE while sessions of that role are connected, in whatever database. The server refuses "
    "only what owns something. Seen where the library is preloaded.",
    "An application whose role is gone keeps its connections and cannot make new ones: it fails "
    "later, when the pool renews them.",
    "ALTER ROLE ... NOLOGIN first, wait until its sessions are gone or end them, then drop it.",
    "CREATE TABLE orders (id bigint PRIMARY KEY);",
    "DROP ROLE app;",
    "ALTER ROLE app NOLOGIN;",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kDropRole},
    check,
};

}  // namespace db_guard::rules
