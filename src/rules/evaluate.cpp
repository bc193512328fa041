#include "rules/evaluate.hpp"

#include <algorithm>

#include "rules/registry.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

namespace {

// What is no relation, or none yet, goes by the name that was typed.
ddl::Relation named_only(const ddl::ObjectName& name, ddl::Facts& facts) {
  ddl::Relation relation;
  relation.schema = name.schema;
  relation.name = name.name;
  relation.display = facts.quote(name.name);
  if (!name.schema.empty()) {
    relation.display = core::concat({facts.quote(name.schema), ".", relation.display});
  }
  relation.owned = true;
  return relation;
}

std::optional<ddl::Relation> target_of(const ddl::Action& action, ddl::Facts& facts) {
  if (!ddl::has_existing_target(action.kind)) return named_only(action.target, facts);
  if (!ddl::names_an_index(action.kind)) return facts.relation(action.target);
  const auto index = facts.index(action.target);
  if (!index) return std::nullopt;
  return facts.table_of(*index);
}

// A table that nobody else can see yet cannot keep anybody waiting, and no code can depend on it.
// Without rights on it the server refuses before it locks; telling its size would tell too much.
bool is_out_of_reach(const ddl::Relation& relation, const ddl::Action& action, ddl::Facts& facts) {
  if (relation.temporary || relation.created_in_transaction) return true;
  return !relation.owned && !facts.may_run(relation, action.kind);
}

// An action whose relation somebody may miss.
struct Target {
  const ddl::Action* action;
  ddl::Relation relation;
};

Vector<Target> targets_of(const ddl::Statement& statement, ddl::Facts& facts) {
  Vector<Target> targets;
  for (const ddl::Action& action : statement.actions) {
    if (!is_judged(action.kind)) continue;
    auto relation = target_of(action, facts);
    if (!relation || is_out_of_reach(*relation, action, facts)) continue;
    relation->only = action.only;
    targets.push_back({&action, std::move(*relation)});
  }
  return targets;
}

void evaluate_action(const Context& context, Findings& findings) {
  Findings found;
  for (const Rule* rule : all_rules()) {
    if (rule->kinds.has(context.action.kind)) rule->check(context, found);
  }
  if (found.empty()) return;
  if (ddl::has_existing_target(context.action.kind)) {
    // The costlier question is asked only where it matters.
    if (context.facts.known_to_nobody_else(context.relation())) return;
    found.front().detail.append(in_the_way_text(context));
  }
  for (Finding& finding : found) {
    set_lock_timeouts(finding.safe_sql);
    findings.push_back(std::move(finding));
  }
}

}  // namespace

bool is_judged(const ddl::Statement& statement) {
  return std::any_of(statement.actions.begin(), statement.actions.end(),
                     [](const ddl::Action& action) { return is_judged(action.kind); });
}

Findings evaluate(const ddl::Statement& statement, ddl::Predictor& predictor, ddl::Facts& facts,
                  std::uint64_t small_table_size) {
  Findings findings;
  const Vector<Target> targets = targets_of(statement, facts);
  if (targets.empty()) return findings;
  const ddl::Effects effects = predictor.predict(statement);
  for (const Target& target : targets) {
    evaluate_action({statement, effects, facts, *target.action, target.relation, small_table_size},
                    findings);
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

}  // namespace db_guard::rules
