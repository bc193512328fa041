// The world in which rules are tested: one large table, and an action on it.
#pragma once

#include <functional>
#include <vector>

#include "fake_facts.hpp"
#include "fake_predictor.hpp"
#include "readable.hpp"
#include "rules/evaluate.hpp"

namespace db_guard::rules {

using ddl::Action;
using ddl::ActionKind;

constexpr std::uint64_t kSmall = 10 * kMegabyte;

inline Strings rules_of(const Findings& findings) {
  Strings result;
  for (const Finding& finding : findings) result.emplace_back(finding.rule);
  return result;
}

class World;

// A hazard: the action, what the database answers about it, and the rules that must speak up.
struct Hazard {
  const char* name;
  Strings rules;
  bool at_any_size;  // it breaks code, or an invariant, rather than costing time
  std::function<void(World&)> set;
};

inline void PrintTo(const Hazard& hazard, std::ostream* out) { *out << hazard.name; }

// One table, public.orders with columns id (NOT NULL) and total, and one action on it.
class World {
 public:
  World() {
    const ddl::Relation table = facts.add_table("orders");
    facts.add_column(table, "id", "bigint", true);
    facts.add_column(table, "total", "numeric");
    facts.added.type = "bigint";
    facts.change.old_type = "numeric";
    facts.change.new_type = "bigint";
    action.kind = ActionKind::kAddColumn;
    action.target.name = "orders";
    action.column = "total";
  }
  explicit World(const Hazard& hazard) : World() { hazard.set(*this); }

  ddl::Relation& table() { return facts.relations[0]; }
  ddl::Size& size() { return facts.sizes[1]; }
  Findings findings() {
    ddl::Statement statement;
    statement.text = text;
    statement.actions.push_back(action);
    return evaluate(statement, predictor, facts, kSmall);
  }
  Strings rules() { return rules_of(findings()); }

  FakeFacts facts;
  FakePredictor predictor{facts};
  Action action;
  core::Text text;  // of the statement
};

}  // namespace db_guard::rules
