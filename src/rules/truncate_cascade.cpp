#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "truncate-cascade";

// All tables are named, so that the server refuses where one more has come to refer to them.
Text named_truncate(const Context& context, const Vector<ddl::Relation>& others) {
  Text names;
  for (const ddl::Action& action : context.statement.actions) {
    const auto relation = context.facts.relation(action.target);
    if (!relation) continue;
    names.append(concat({names.empty() ? "" : ", ", relation->display}));
  }
  for (const ddl::Relation& other : others) {
    if (!other.is_partition) names.append(concat({", ", other.display}));
  }
  return concat({"TRUNCATE ", names, ";"});
}

void check(const Context& context, Findings& findings) {
  if (!context.action.cascade || !is_first_of_kind(context)) return;
  const auto others = also_locked(context, ddl::Lock::kAccessExclusive);
  const std::uint64_t bytes = bytes_of(context.facts, others);
  if (bytes == 0) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  add_evidence(finding, "tables", double(others.size()));
  finding.message = concat({"TRUNCATE ... CASCADE of ", table_with_size(context), " empties ",
                            core::counted(others.size(), "more table", "more tables"), ": ",
                            names_with_sizes(context.facts, others)});
  finding.detail = Text(
      "Their foreign keys lead to the table, directly or by way of others. Whether any row refers "
      "to it does not matter: all rows go, and all of the tables are locked.");
  finding.safe_sql.push_back(
      concat({"-- where all of them are meant:\n",
              allowed_step("truncate,truncate-cascade", "the rows are not needed any more",
                           named_truncate(context, others))}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule truncate_cascade;
constexpr Rule truncate_cascade = {
    kSlug,
    "drops",
    Severity::kBlock,
    "Truncating with CASCADE tables that are not named",
    "Every table whose foreign keys lead to the named one is emptied too, at any distance, whether "
    "or not its rows refer to anything. ACCESS EXCLUSIVE is taken on all of them. Where all of "
    "these are empty, nothing is reported.",
    "Rows are lost in tables that the statement does not name. Only a backup brings them back.",
    "Name every table that is meant. Without CASCADE the server refuses where one is missing, so "
    "that a key which somebody adds later does not widen the loss.",
    "CREATE TABLE clicks (id bigint, visit_id bigint);\nCREATE TABLE visits (id bigint PRIMARY "
    "KEY);\nALTER TABLE clicks ADD FOREIGN KEY (visit_id) REFERENCES visits;\nINSERT INTO clicks "
    "SELECT generate_series(1, 1000);",
    "TRUNCATE visits CASCADE;",
    "BEGIN;\nSET LOCAL db_guard.allow = 'truncate-cascade';\nSET LOCAL db_guard.allow_reason = "
    "'clicks go, too';\nTRUNCATE visits CASCADE;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kTruncate},
    check,
};

}  // namespace db_guard::rules
