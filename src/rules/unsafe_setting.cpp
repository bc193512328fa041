#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "unsafe-setting";

struct Unsafe {
  std::string_view setting;
  std::string_view value;
  Severity severity;
  std::string_view consequence;
};

constexpr Unsafe kUnsafe[] = {
    {"autovacuum", "off", Severity::kWarn,
     "dead rows stay, tables grow, and in the end the server stops to prevent wraparound"},
    {"fsync", "off", Severity::kBlock,
     "a crash of the machine then leaves a database that cannot be trusted"},
    {"full_page_writes", "off", Severity::kBlock,
     "a crash of the machine then leaves pages that are half old and half new"},
    {"ignore_checksum_failure", "on", Severity::kWarn,
     "damaged pages are read as if nothing were wrong, and the damage spreads"},
    {"session_replication_role", "replica", Severity::kWarn,
     "foreign keys are not checked and triggers do not fire, db_guard among them"},
    {"synchronous_commit", "off", Severity::kWarn,
     "a crash of the server loses the transactions that it has confirmed last"},
    {"track_counts", "off", Severity::kWarn, "autovacuum does not know what to do any more"},
    {"zero_damaged_pages", "on", Severity::kBlock,
     "damaged pages are emptied, and the rows on them are lost without an error"},
};

// As the server reads booleans; of other settings the value as it stands.
std::string_view meaning_of(std::string_view value) {
  for (const std::string_view word :
       {"off", "false", "no", "0", "f", "n", "of", "fa", "fal", "fals"}) {
    if (value == word) return "off";
  }
  for (const std::string_view word : {"on", "true", "yes", "1", "t", "y", "tr", "tru", "ye"}) {
    if (value == word) return "on";
  }
  return value;
}

// Who will have the setting.
Text scope_of(const Context& context) {
  if (context.statement.tag == "ALTER SYSTEM") return Text("the whole server");
  const ddl::ObjectName& target = context.action.target;
  const bool role = context.statement.tag == "ALTER ROLE";
  if (target.name.empty()) return Text("every role");
  return concat({role ? "role " : "database ", context.facts.quote(target.name)});
}

void check(const Context& context, Findings& findings) {
  const Text& setting = context.action.column;
  if (context.statement.tag == "ALTER SYSTEM" && !context.facts.may_alter_system(setting)) return;
  for (const Unsafe& unsafe : kUnsafe) {
    if (setting != unsafe.setting) continue;
    if (meaning_of(context.action.new_name) != unsafe.value) continue;
    Finding finding;
    finding.rule = kSlug;
    finding.severity = unsafe.severity;
    finding.object = setting;
    finding.message = concat({"this sets ", setting, " = ", unsafe.value, " for ",
                              scope_of(context), ": ", unsafe.consequence});
    finding.detail = Text("It holds until somebody takes it back. Where one load of data needs it, "
                          "there are safer ways to be quick.");
    findings.push_back(std::move(finding));
  }
}

}  // namespace

extern const Rule unsafe_setting;
constexpr Rule unsafe_setting = {
    kSlug,
    "server",
    Severity::kBlock,
    "Giving up safety for the whole server",
    "ALTER SYSTEM, ALTER DATABASE or ALTER ROLE sets for good what loses data, or what keeps the "
    "server healthy, to its unsafe value: fsync, full_page_writes and zero_damaged_pages are an "
    "error; autovacuum, track_counts, synchronous_commit, ignore_checksum_failure and "
    "session_replication_role a WARNING. Seen where the library is preloaded.",
    "fsync = off and full_page_writes = off turn a power failure into a damaged database, and "
    "nobody "
    "notices before.",
    "SET LOCAL synchronous_commit = off in the one transaction that needs to be quick.",
    "CREATE TABLE orders (id bigint PRIMARY KEY);",
    "ALTER SYSTEM SET fsync = off;",
    "SET synchronous_commit = off;",
    "0.1.0",
    ddl::Lock::kNone,
    "none",
    {ddl::ActionKind::kChangeSetting},
    check,
};

}  // namespace db_guard::rules
