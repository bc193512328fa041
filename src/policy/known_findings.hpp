// The baseline: findings that are known, each on one statement, and not to be told again.
#pragma once

#include "policy/rule_entry.hpp"

namespace db_guard::policy {

// The statement as the baseline keeps it: without layout, comments and the semicolon.
Text baseline_statement(std::string_view sql);

// What a finding is found by in the baseline.
std::int64_t baseline_fingerprint(std::string_view rule, std::string_view object,
                                  std::string_view statement);

// Puts aside the findings on this statement that db_guard.rule_baseline has: their severity becomes
// kOff. Where the table cannot be read, a WARNING says so, and none is put aside.
void put_known_aside(std::string_view sql, Vector<Finding>& findings);

}  // namespace db_guard::policy
