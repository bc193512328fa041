// All rules, sorted by slug.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

struct RuleList {
  const Rule* const* first;
  std::size_t count;
  [[nodiscard]] const Rule* const* begin() const { return first; }
  [[nodiscard]] const Rule* const* end() const { return first + count; }
};

RuleList all_rules();

// Whether some rule looks at actions of that kind.
bool is_judged(ddl::ActionKind kind);
// The same of rules that need no company.
bool is_judged_alone(ddl::ActionKind kind);

// nullptr: there is none.
const Rule* find_rule(std::string_view slug);

// Every slug in `list` (comma separated) that is neither a rule nor "all".
Vector<Text> unknown_rules(std::string_view list);

// "did you mean" for a slug: the close matches, or all slugs when nothing is close.
Text suggest_rules(std::string_view unknown);

}  // namespace db_guard::rules
