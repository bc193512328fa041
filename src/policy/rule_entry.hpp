// An entry of db_guard.rule_policy: what the findings of a rule are to do at a place. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "core/finding.hpp"
#include "core/like_pattern.hpp"

namespace db_guard::policy {

using core::Finding;
using core::LetterLength;
using core::Severity;
using core::Text;
using core::Vector;

inline constexpr std::string_view kAllRules = "all";

// Views of texts that whoever made the entry keeps.
struct RuleEntry {
  std::string_view rule;            // a rule, a family of rules, or kAllRules
  std::string_view schema_pattern;  // for LIKE
  std::string_view table_pattern;   // for LIKE
  Severity action = Severity::kBlock;
  std::string_view reason;
  std::int64_t set_at = 0;  // ascending in time
};

// What an entry is asked about. Schema and table are empty where a finding has none: then only
// patterns that leave everything open match.
struct Subject {
  std::string_view rule;
  std::string_view schema;
  std::string_view table;
};

// The entry that holds for the subject: the most specific, then the newest. What says more about
// the table is more specific, then what says more about the schema, then about the rule. Null where
// none matches.
const RuleEntry* find_entry(const Vector<RuleEntry>& entries, const Subject& subject,
                            LetterLength letter_length);

// Gives the findings that are not off yet the severities of the entries, worst first again. They
// keep what they were, and the reason, as evidence.
void apply_entries(const Vector<RuleEntry>& entries, LetterLength letter_length,
                   Vector<Finding>& findings);

// "block", "warn", "note", "off".
std::optional<Severity> action_by_name(std::string_view name);

// Whether an entry may name it: a rule, a family of rules, or kAllRules.
bool is_rule_or_family(std::string_view name);

// What was meant by a name that is none of these.
Text suggest_rule_or_family(std::string_view name);

}  // namespace db_guard::policy
