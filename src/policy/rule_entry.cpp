#include "policy/rule_entry.hpp"

#include <algorithm>
#include <tuple>

#include "core/text.hpp"
#include "rules/registry.hpp"

namespace db_guard::policy {

namespace {

using core::concat;

std::string_view family_of(std::string_view rule) {
  const rules::Rule* found = rules::find_rule(rule);
  return found != nullptr ? found->family : std::string_view();
}

// How closely an entry names the rule; 0: not at all.
int closeness(const RuleEntry& entry, std::string_view rule) {
  if (entry.rule == rule) return 3;
  if (entry.rule == kAllRules) return 1;
  return entry.rule == family_of(rule) ? 2 : 0;
}

bool matches(const RuleEntry& entry, const Subject& subject, LetterLength letter_length) {
  return closeness(entry, subject.rule) > 0 &&
         core::matches_like(entry.schema_pattern, subject.schema, letter_length) &&
         core::matches_like(entry.table_pattern, subject.table, letter_length);
}

// The texts at the end only make the order total.
auto rank(const RuleEntry& entry, std::string_view rule, LetterLength letter_length) {
  return std::make_tuple(core::letters_demanded(entry.table_pattern, letter_length),
                         core::letters_demanded(entry.schema_pattern, letter_length),
                         closeness(entry, rule), entry.set_at, entry.table_pattern,
                         entry.schema_pattern);
}

void keep_as_evidence(Finding& finding, std::string_view key, std::string_view text) {
  finding.evidence.push_back({key, Text(text), 0, false});
}

// Whoever meets another severity than the documentation says wants to know where it comes from.
void explain(Finding& finding, std::string_view before, const RuleEntry& entry) {
  finding.detail.append(concat({finding.detail.empty() ? "" : " ", "By db_guard.rule_policy it is ",
                                severity_name(entry.action), " here, not ", before}));
  if (!entry.reason.empty()) finding.detail.append(": ").append(entry.reason);
  if (finding.detail.back() != '.') finding.detail.push_back('.');
}

void apply_entry(const RuleEntry& entry, Finding& finding) {
  if (finding.severity == entry.action) return;
  const std::string_view before = severity_name(finding.severity);
  finding.severity = entry.action;
  keep_as_evidence(finding, "default_severity", before);
  keep_as_evidence(finding, "policy", "rule_policy");
  if (!entry.reason.empty()) keep_as_evidence(finding, "policy_reason", entry.reason);
  explain(finding, before, entry);
}

Vector<std::string_view> names() {
  Vector<std::string_view> names;
  names.push_back(kAllRules);
  for (const rules::Rule* rule : rules::all_rules()) {
    names.push_back(rule->slug);
    if (std::find(names.begin(), names.end(), rule->family) == names.end()) {
      names.push_back(rule->family);
    }
  }
  return names;
}

}  // namespace

const RuleEntry* find_entry(const Vector<RuleEntry>& entries, const Subject& subject,
                            LetterLength letter_length) {
  const RuleEntry* best = nullptr;
  for (const RuleEntry& entry : entries) {
    if (!matches(entry, subject, letter_length)) continue;
    if (best == nullptr ||
        rank(*best, subject.rule, letter_length) < rank(entry, subject.rule, letter_length)) {
      best = &entry;
    }
  }
  return best;
}

void apply_entries(const Vector<RuleEntry>& entries, LetterLength letter_length,
                   Vector<Finding>& findings) {
  for (Finding& finding : findings) {
    if (finding.severity == Severity::kOff) continue;
    const Subject subject{finding.rule, finding.place.schema, finding.place.table};
    const RuleEntry* entry = find_entry(entries, subject, letter_length);
    if (entry != nullptr) apply_entry(*entry, finding);
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
}

std::optional<Severity> action_by_name(std::string_view name) {
  for (const auto action : {Severity::kBlock, Severity::kWarn, Severity::kNote, Severity::kOff}) {
    if (core::severity_name(action) == name) return action;
  }
  return std::nullopt;
}

bool is_rule_or_family(std::string_view name) {
  const Vector<std::string_view> known = names();
  return std::find(known.begin(), known.end(), name) != known.end();
}

Text suggest_rule_or_family(std::string_view name) {
  const Vector<Text> matches = core::closest(name, names());
  if (matches.empty()) {
    return Text("The rules and their families are in db_guard.rules; all stands for all of them.");
  }
  return concat({"Did you mean ", core::list_of(matches, matches.size()), "?"});
}

}  // namespace db_guard::policy
