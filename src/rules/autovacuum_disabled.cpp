#include <algorithm>

#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "autovacuum-disabled";

// Any beginning of these that is not ambiguous is a boolean for the server.
bool is_false(std::string_view value) {
  constexpr std::string_view kWords[] = {"false", "no", "off", "0"};
  Text lower(value);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return !lower.empty() && lower != "o" &&
         std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return word.substr(0, lower.size()) == lower; });
}

const ddl::Option* disabling(const ddl::Action& action) {
  for (const ddl::Option& option : action.options) {
    const bool named =
        option.name == "autovacuum_enabled" || option.name == "toast.autovacuum_enabled";
    if (named && is_false(option.value)) return &option;
  }
  return nullptr;
}

void check(const Context& context, Findings& findings) {
  const ddl::Option* option = disabling(context.action);
  if (option == nullptr || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kWarn);
  finding.message = concat({option->name, " = ", option->value, " leaves the dead rows of ",
                            table_with_size(context),
                            " where they are, and its statistics as they "
                            "are"});
  finding.detail =
      Text("The table grows with every UPDATE and DELETE, plans get worse as its statistics age, "
           "and the "
           "vacuum against wraparound, which cannot be disabled, has all the work in the end.");
  const Text alter = concat({"ALTER TABLE ", context.relation().display});
  finding.safe_sql.push_back(
      concat({"-- to spread its work instead:\n", alter, " SET (",
              option->name[0] == 't' ? "toast." : "", "autovacuum_vacuum_cost_delay = 10);"}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule autovacuum_disabled;
constexpr Rule autovacuum_disabled = {
    kSlug,
    "maintenance",
    Severity::kWarn,
    "Disabling autovacuum for a table",
    "Nobody removes dead rows or refreshes statistics any more unless it is done by hand. The lock "
    "is SHARE UPDATE EXCLUSIVE, brief. Tables up to db_guard.small_table_size are left alone.",
    "The table and its indexes grow without end, and queries get worse plans. It is easily "
    "forgotten: nothing reminds of it until the vacuum against wraparound runs.",
    "Let autovacuum be gentler with the table, by autovacuum_vacuum_cost_delay, or more frequent, "
    "by "
    "autovacuum_vacuum_scale_factor. For a load in bulk, disable it before and reset it after.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders SET (autovacuum_enabled = off);",
    "ALTER TABLE orders SET (autovacuum_vacuum_cost_delay = 10);",
    "0.1.0",
    ddl::Lock::kShareUpdateExclusive,
    "none",
    {ddl::ActionKind::kSetOptions},
    check,
};

}  // namespace db_guard::rules
