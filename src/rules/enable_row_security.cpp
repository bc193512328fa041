#include "rules/reach.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "enable-row-security";

void check(const Context& context, Findings& findings) {
  if (context.action.object_kind != "enable") return;
  const ddl::RowSecurity security = context.facts.row_security(context.relation());
  if (security.enabled || !security.permissive_policies.empty()) return;
  // In a transaction the policy may still come before anybody sees the difference.
  const bool may_follow = context.facts.in_transaction_block();
  Finding finding = make_finding(context, kSlug, may_follow ? Severity::kNote : Severity::kWarn);
  finding.message = concat({"row security on ", table_with_size(context),
                            " hides every row from all but the owner: there is no policy"});
  finding.detail = Text("Without a permissive policy, who is not the owner sees and changes no "
                        "row, without an error. "
                        "Owners, superusers and roles with BYPASSRLS notice nothing.");
  const Text& table = context.relation().display;
  finding.safe_sql.push_back(concat(
      {"-- with the condition that is meant; this one lets everybody see everything:\n"
       "BEGIN;\nSET LOCAL lock_timeout = '2s';\nCREATE POLICY ",
       context.facts.quote(concat({context.relation().name.substr(0, 50), "_all"})), " ON ", table,
       " USING (true);\nALTER TABLE ", table, " ENABLE ROW LEVEL SECURITY;\nCOMMIT;"}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule enable_row_security;
constexpr Rule enable_row_security = {
    kSlug,
    "triggers",
    Severity::kWarn,
    "Enabling row security without a policy",
    "From the commit on, roles that neither own the table nor bypass row security see no row of it "
    "and can change none. The lock (ACCESS EXCLUSIVE) is brief. In a transaction block it is a "
    "note: "
    "the policies may follow.",
    "Queries of the application return nothing, without an error.",
    "Create the policies first, or in the same transaction; they have no effect until row security "
    "is enabled.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, owner name);\nINSERT INTO orders SELECT g, "
    "'nobody' "
    "FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;",
    "SET lock_timeout = '2s';\nCREATE POLICY own_orders ON orders USING (owner = "
    "current_user);\nALTER TABLE orders ENABLE ROW LEVEL SECURITY;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kChangeRowSecurity},
    check,
};

}  // namespace db_guard::rules
