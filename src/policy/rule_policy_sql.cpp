// What db_guard.set_rule asks before it writes, and db_guard.rule_action.
#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/entry.hpp"
#include "policy/rule_policy.hpp"
#include "rules/registry.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(db_guard_check_rule_entry);
PG_FUNCTION_INFO_V1(db_guard_rule_action);
}

namespace db_guard::policy {

namespace {

using core::concat;
using core::Error;

// Names have 63 bytes; this leaves room for backslashes.
constexpr std::size_t kLongestPattern = 255;

// The arguments of db_guard.check_rule_entry.
struct EntryInput {
  const char* rule;
  const char* action;
  const char* schema_pattern;
  const char* table_pattern;
  bool expired;
};

[[noreturn]] void refuse(std::string_view sqlstate, std::initializer_list<std::string_view> message,
                         Text hint = {}) {
  throw Error(sqlstate, concat(message), {}, std::move(hint));
}

void check_given(const char* value, std::string_view what) {
  if (value == nullptr) refuse("22004", {what, " must not be null"});
}

void check_pattern(const char* pattern, std::string_view what) {
  check_given(pattern, what);
  if (!core::is_like_pattern(pattern)) {
    refuse("22025", {what, " must not end with a backslash"},
           Text("A backslash takes the meaning from the letter behind it: write \\\\ for one."));
  }
  if (std::string_view(pattern).size() > kLongestPattern) {
    refuse("22023", {what, " is longer than any name"},
           Text("Use % for any letters and _ for one."));
  }
}

const char* canonical_rule(const char* rule) {
  check_given(rule, "rule");
  if (std::string_view(rule) == "%") return kAllRules.data();
  if (!is_rule_or_family(rule)) {
    refuse("22023", {"db_guard has no rule \"", rule, "\""}, suggest_rule_or_family(rule));
  }
  return rule;
}

void check_action(const char* action) {
  check_given(action, "action");
  if (!action_by_name(action)) {
    refuse("22023", {"db_guard has no action \"", action, "\""},
           Text("The actions are block, warn, note and off."));
  }
}

const char* check_entry(const EntryInput& input) {
  const char* rule = canonical_rule(input.rule);
  check_action(input.action);
  check_pattern(input.schema_pattern, "schema_pattern");
  check_pattern(input.table_pattern, "table_pattern");
  if (input.expired) {
    refuse("22023", {"expires lies in the past"},
           Text("Leave it out for an entry that holds until it is unset."));
  }
  return rule;
}

// A constant: the name of a severity.
const char* action_for(const char* rule, const char* schema, const char* table) {
  const rules::Rule* known = rules::find_rule(rule);
  if (known == nullptr) {
    refuse("22023", {"db_guard has no rule \"", rule, "\""}, rules::suggest_rules(rule));
  }
  const Subject subject{known->slug, schema, table};
  return core::severity_name(severity_by_policy(read_policy(), subject, known->severity)).data();
}

const char* text_argument(FunctionCallInfo fcinfo, int number) {
  return PG_ARGISNULL(number) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

}  // namespace

}  // namespace db_guard::policy

using namespace db_guard;

// The rule as the table names it; an error where the entry makes no sense.
Datum db_guard_check_rule_entry(PG_FUNCTION_ARGS) {
  const policy::EntryInput input{policy::text_argument(fcinfo, 0), policy::text_argument(fcinfo, 1),
                                 policy::text_argument(fcinfo, 2), policy::text_argument(fcinfo, 3),
                                 !PG_ARGISNULL(4) &&
                                     PG_GETARG_TIMESTAMPTZ(4) <= GetCurrentTimestamp()};
  const char* rule = pg::enter([&] { return policy::check_entry(input); });
  PG_RETURN_TEXT_P(cstring_to_text(rule));
}

Datum db_guard_rule_action(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const char* rule = policy::text_argument(fcinfo, 0);
  const char* schema = PG_ARGISNULL(1) ? "" : policy::text_argument(fcinfo, 1);
  const char* table = PG_ARGISNULL(2) ? "" : policy::text_argument(fcinfo, 2);
  const char* action = pg::enter([&] { return policy::action_for(rule, schema, table); });
  PG_RETURN_TEXT_P(cstring_to_text(action));
}
