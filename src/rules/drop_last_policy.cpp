#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-last-policy";

void check(const Context& context, Findings& findings) {
  const ddl::RowSecurity security = context.facts.row_security(context.relation());
  if (!security.enabled || security.permissive_policies.size() != 1) return;
  if (security.permissive_policies.front() != context.action.part) return;
  // In a transaction the next policy may still come before anybody sees the difference.
  const bool may_follow = context.facts.in_transaction_block();
  const Text policy = context.facts.quote(context.action.part);
  Finding finding = make_finding(context, kSlug, may_follow ? Severity::kNote : Severity::kWarn);
  finding.message = concat({"dropping policy ", policy, " of ", table_with_size(context),
                            " hides every row from all but the owner"});
  finding.detail = Text("Row security stays enabled, and this is the last permissive policy: who "
                        "is not the owner then "
                        "sees and changes no row, without an error.");
  finding.safe_sql.push_back(concat(
      {"-- create the policy that takes its place, then:\n",
       allowed_step(kSlug, "another policy is there",
                    concat({"DROP POLICY ", policy, " ON ", context.relation().display, ";"}))}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_last_policy;
constexpr Rule drop_last_policy = {
    kSlug,
    "drops",
    Severity::kWarn,
    "Dropping the last policy of a table with row security",
    "Row security stays enabled: without a permissive policy, roles that neither own the table nor "
    "bypass row security see no row of it and can change none. In a transaction block it is a "
    "note: another policy may follow.",
    "Queries of the application return nothing, without an error.",
    "Create the next policy before the last one goes, or in the same transaction. Or disable row "
    "security, where everybody may see everything.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, owner name);\nALTER TABLE orders ENABLE ROW LEVEL "
    "SECURITY;\nCREATE POLICY own_orders ON orders USING (owner = current_user);\nINSERT INTO "
    "orders SELECT g, 'nobody' FROM generate_series(1, 1000) g;",
    "DROP POLICY own_orders ON orders;",
    "CREATE POLICY my_orders ON orders USING (owner = session_user);\nDROP POLICY own_orders ON "
    "orders;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropPolicy},
    check,
};

}  // namespace db_guard::rules
