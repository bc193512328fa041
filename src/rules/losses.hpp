// Words for what goes away with something else.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

// "view public.v, function public.f(integer) and 3 more".
Text losses_text(const Vector<ddl::Loss>& losses);

// "2 tables, 1 view and 5 functions", by what there is.
Text losses_by_kind(const Vector<ddl::Loss>& losses);

// What db_guard.allow has to say for a statement with CASCADE: drop-cascade besides the rule, where
// something goes along.
Text rules_to_allow(const Context& context, std::string_view rule);

// Rows that go with the tables among them, partitions left to their parents.
struct LostRows {
  std::uint64_t bytes = 0;
  std::uint32_t tables = 0;  // that hold any
};
LostRows rows_lost(ddl::Facts& facts, const Vector<ddl::Loss>& losses);

}  // namespace db_guard::rules
