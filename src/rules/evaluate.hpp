// Statement + facts -> effects -> findings.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

// Findings of every rule on every action, worst first. Statements that the server will refuse by
// itself (missing objects, no rights) have none.
Findings evaluate(const ddl::Statement& statement, ddl::Predictor& predictor, ddl::Facts& facts,
                  std::uint64_t small_table_size);

// Whether any rule looks at actions of these kinds at all.
bool is_judged(const ddl::Statement& statement);
// The same, where nobody else is connected and the statement is a transaction of its own.
bool is_judged_alone(const ddl::Statement& statement);

// Before commit: findings on what the transaction leaves behind, worst first.
Findings evaluate_end(const ddl::Transaction& transaction, ddl::Facts& facts,
                      std::uint64_t small_table_size);

}  // namespace db_guard::rules
