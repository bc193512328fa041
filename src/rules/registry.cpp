#include "rules/registry.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace db_guard::rules {

#define DB_GUARD_RULE(name) extern const Rule name;
#include "rules/list.inc"
#undef DB_GUARD_RULE

namespace {

constexpr std::string_view kNames[] = {
#define DB_GUARD_RULE(name) #name,
#include "rules/list.inc"
#undef DB_GUARD_RULE
};

constexpr bool sorted() {
  for (std::size_t i = 1; i < std::size(kNames); i++) {
    if (kNames[i - 1] >= kNames[i]) return false;
  }
  return true;
}
static_assert(sorted(), "rules/list.inc must be sorted and free of duplicates");

constexpr const Rule* kRules[] = {
#define DB_GUARD_RULE(name) &name,
#include "rules/list.inc"
#undef DB_GUARD_RULE
};

}  // namespace

RuleList all_rules() { return {kRules, std::size(kRules)}; }

namespace {

struct JudgedKinds {
  bool gathered = false;
  ddl::KindSet all = {};
  ddl::KindSet alone = {};
};

JudgedKinds gather_judged_kinds() {
  JudgedKinds judged{};
  judged.gathered = true;
  for (const Rule* rule : all_rules()) {
    judged.all.add(rule->kinds);
    if (!rule->needs_company) judged.alone.add(rule->kinds);
  }
  return judged;
}

// Gathered once: every DDL statement asks, and the rules fill many cache lines.
const JudgedKinds& judged_kinds() {
  static JudgedKinds judged;
  if (!judged.gathered) judged = gather_judged_kinds();
  return judged;
}

}  // namespace

bool is_judged(ddl::ActionKind kind) { return judged_kinds().all.has(kind); }

bool is_judged_alone(ddl::ActionKind kind) { return judged_kinds().alone.has(kind); }

const Rule* find_rule(std::string_view slug) {
  for (const Rule* rule : all_rules()) {
    if (rule->slug == slug) return rule;
  }
  return nullptr;
}

Vector<Text> unknown_rules(std::string_view list) {
  Vector<Text> unknown;
  for (Text& item : core::split_list(list)) {
    if (item != "all" && find_rule(item) == nullptr) unknown.push_back(std::move(item));
  }
  return unknown;
}

Text suggest_rules(std::string_view unknown) {
  Vector<std::string_view> slugs;
  for (const Rule* rule : all_rules()) slugs.push_back(rule->slug);
  const Vector<Text> matches = core::closest(unknown, slugs);
  if (!matches.empty()) {
    return core::concat({"Did you mean ", core::list_of(matches, 3), "?"});
  }
  return Text("SELECT rule, title FROM db_guard.rules; lists all of them.");
}

}  // namespace db_guard::rules
