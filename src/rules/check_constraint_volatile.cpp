#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "check-constraint-volatile";

void check(const Context& context, Findings& findings) {
  const ddl::CheckFacts facts = context.facts.check_facts(context.relation(), context.action);
  if (facts.unsteady_call.empty()) return;
  const auto severity = facts.calls_volatile ? Severity::kWarn : Severity::kNote;
  Finding finding = make_finding(context, kSlug, severity);
  finding.place.constraint = context.action.constraint;
  finding.message = concat({"the CHECK constraint for ", table_with_size(context), " depends on ",
                            facts.unsteady_call, ", which may answer otherwise tomorrow"});
  finding.detail = Text(
      "A CHECK is asked when a row is written, and never again: rows that are there already may "
      "come "
      "to break it, and then a dump cannot be restored. For a rule about other rows, the time or "
      "the user, use a trigger.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule check_constraint_volatile;
constexpr Rule check_constraint_volatile = {
    kSlug,
    "constraints",
    Severity::kWarn,
    "A CHECK constraint that may change its mind",
    "The condition calls a function that is not immutable. A volatile one is a WARNING; a stable "
    "one, such as now(), an entry in the log.",
    "The server asks a CHECK when a row is written, and takes it for true ever after. Rows that "
    "break it later stay unnoticed until a dump is restored or an UPDATE of another column fails.",
    "Put rules about other rows, the time or the user into a trigger. A function that really is "
    "immutable should be declared so.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;\nCREATE FUNCTION highest_total() RETURNS numeric "
    "LANGUAGE sql AS 'SELECT 1000000';",
    "ALTER TABLE orders ADD CONSTRAINT total_limited CHECK (total <= highest_total()) NOT VALID;",
    "ALTER TABLE orders ADD CONSTRAINT total_limited CHECK (total <= 1000000) NOT VALID;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kAddCheck},
    check,
};

}  // namespace db_guard::rules
