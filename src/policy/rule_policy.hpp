// The policy of this database: what its owner has said the findings of rules are to do.
#pragma once

#include "policy/rule_entry.hpp"

namespace db_guard::policy {

// As it holds now. It lives as long as the running entry.
struct Policy {
  Vector<RuleEntry> entries;
};

// Reads the tables of the extension, with nobody's rights and without waiting. Where that cannot
// be, a WARNING says so, and the policy is empty: the rules' own severities hold.
Policy read_policy();

// Gives the findings on one statement the severities that the policy wants, worst first again;
// those that the baseline has are off. `sql` is the statement's text, empty where it is not known.
void apply_policy(const Policy& policy, std::string_view sql, Vector<Finding>& findings);

// What becomes of a finding of that severity.
Severity severity_by_policy(const Policy& policy, const Subject& subject, Severity severity);

}  // namespace db_guard::policy
