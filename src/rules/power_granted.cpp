#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "power-granted";

struct Power {
  std::string_view name;  // an attribute of a role, or a role that the server comes with
  std::string_view what;
};

constexpr Power kPowers[] = {
    {"BYPASSRLS", "row security does not hold for it"},
    {"REPLICATION", "it can copy the whole server"},
    {"SUPERUSER", "nothing is denied to it, db_guard can be switched off"},
    {"pg_execute_server_program", "it can run any program as the server's own user"},
    {"pg_read_server_files", "it can read every file of the server, passwords among them"},
    {"pg_write_all_data", "it can change every row of every table"},
    {"pg_write_server_files", "it can overwrite the server's own files"},
};

void check(const Context& context, Findings& findings) {
  if (!context.facts.is_superuser()) return;
  for (const Power& power : kPowers) {
    if (context.action.new_name != power.name) continue;
    const Text role = context.action.target.name.empty()
                          ? Text("the current role")
                          : concat({"role ", context.facts.quote(context.action.target.name)});
    Finding finding;
    finding.rule = kSlug;
    finding.severity = Severity::kWarn;
    finding.object = context.relation().display;
    const bool member = power.name.substr(0, 3) == "pg_";
    finding.message =
        concat({"this makes ", role, member ? " a member of " : " ", power.name, ": ", power.what});
    finding.detail = Text(
        "Whoever gets at this login gets at all of that. A role of its own for the one task, with "
        "the rights that it needs, is safer.");
    findings.push_back(std::move(finding));
  }
}

}  // namespace

extern const Rule power_granted;
constexpr Rule power_granted = {
    kSlug,
    "server",
    Severity::kWarn,
    "Making a role a superuser, or nearly one",
    "CREATE ROLE or ALTER ROLE with SUPERUSER, REPLICATION or BYPASSRLS, or GRANT of a role of the "
    "server that comes near to it: pg_execute_server_program, pg_read_server_files, "
    "pg_write_server_files, pg_write_all_data. Seen where the library is preloaded.",
    "Such a role passes every check of rights, and stays when the reason for it is forgotten.",
    "Grant what the task needs: rights on schemas and tables, pg_monitor, pg_read_all_data, "
    "SET on a parameter.",
    "CREATE TABLE orders (id bigint PRIMARY KEY);",
    "ALTER ROLE current_user SUPERUSER;",
    "GRANT SELECT ON orders TO current_user;",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kGrantPower},
    check,
};

}  // namespace db_guard::rules
