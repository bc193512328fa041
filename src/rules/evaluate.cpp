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

void sort_by_severity(Findings& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
}

bool has_objection(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity != Severity::kNote; });
}

void check_action(const Context& context, bool yielding, Findings& findings) {
  for (const Rule* rule : all_rules()) {
    if (rule->yields != yielding || rule->check == nullptr) continue;
    if (!rule->kinds.has(context.action.kind)) continue;
    context.facts.begin_way();
    rule->check(context, findings);
  }
}

void evaluate_action(const Context& context, Findings& findings) {
  Findings found;
  check_action(context, false, found);
  if (!has_objection(found)) check_action(context, true, found);
  context.facts.end_action();
  if (found.empty()) return;
  sort_by_severity(found);
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

bool is_judged_alone(const ddl::Statement& statement) {
  return std::any_of(statement.actions.begin(), statement.actions.end(),
                     [](const ddl::Action& action) { return is_judged_alone(action.kind); });
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
  sort_by_severity(findings);
  return findings;
}

namespace {

// No statement is to blame alone; this one stands for all that the transaction did to the relation.
void evaluate_touched(const ddl::Touched& touched, const ddl::Relation& relation, ddl::Facts& facts,
                      std::uint64_t small_table_size, Findings& findings) {
  ddl::Statement statement;
  statement.tag = "COMMIT";
  statement.actions.emplace_back();
  statement.actions.front().kind = ddl::ActionKind::kOtherAlter;
  statement.actions.front().target = {relation.schema, relation.name};
  ddl::Effects effects;
  effects.actions.emplace_back();
  effects.relations.emplace_back();
  effects.relations.front().relation = touched.relation;
  effects.relations.front().lock = touched.lock;
  const Context context(statement, effects, facts, statement.actions.front(), relation,
                        small_table_size);
  for (const Rule* rule : all_rules()) {
    if (rule->check_end != nullptr) rule->check_end(context, touched, findings);
  }
}

}  // namespace

Findings evaluate_end(const ddl::Transaction& transaction, ddl::Facts& facts,
                      std::uint64_t small_table_size) {
  Findings findings;
  for (const ddl::Touched& touched : transaction) {
    const auto relation = facts.relation_by_id(touched.relation);
    if (!relation || relation->temporary || relation->created_in_transaction) continue;
    Findings found;
    evaluate_touched(touched, *relation, facts, small_table_size, found);
    if (found.empty() || facts.known_to_nobody_else(*relation)) continue;
    std::move(found.begin(), found.end(), std::back_inserter(findings));
  }
  sort_by_severity(findings);
  return findings;
}

}  // namespace db_guard::rules
