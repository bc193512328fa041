#include <algorithm>

#include "rules/losses.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-view";

struct Word {
  char kind;
  std::string_view word;
  std::string_view command;
};

constexpr Word kWords[] = {
    {'v', "view", "VIEW"},
    {'m', "materialized view", "MATERIALIZED VIEW"},
    {'S', "sequence", "SEQUENCE"},
    {'f', "foreign table", "FOREIGN TABLE"},
};

const Word* word_for(char kind) {
  for (const Word& word : kWords) {
    if (word.kind == kind) return &word;
  }
  return nullptr;
}

bool is_mentioned(const Vector<ddl::Dependent>& dependents) {
  return std::any_of(dependents.begin(), dependents.end(),
                     [](const ddl::Dependent& dependent) { return dependent.kind == "function"; });
}

bool is_queried(const Context& context) {
  return context.relation().kind == 'm' && context.facts.table_use(context.relation()).scans > 0;
}

void check(const Context& context, Findings& findings) {
  const ddl::Relation& relation = context.relation();
  const Word* word = word_for(relation.kind);
  if (word == nullptr) return;
  const auto dependents = context.facts.relation_dependents(relation);
  const bool used = is_mentioned(dependents) || is_queried(context);
  Finding finding = make_finding(context, kSlug, used ? Severity::kWarn : Severity::kNote);
  const bool has_size = relation.kind == 'm';
  finding.message =
      concat({"dropping ", word->word, " ", has_size ? table_with_size(context) : relation.display,
              " breaks every statement that still names it"});
  finding.detail = dependents_text(dependents);
  finding.safe_sql.push_back(
      concat({"-- deploy the code that no longer uses it, then:\n",
              allowed_step(rules_to_allow(context, kSlug), "no code uses it any more",
                           concat({"DROP ", word->command, " ", relation.display,
                                   context.action.cascade ? " CASCADE;" : ";"}))}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_view;
constexpr Rule drop_view = {
    kSlug,
    "drops",
    Severity::kWarn,
    "Dropping a view or sequence",
    "The name is gone the moment the transaction commits; the rows of a materialized view and the "
    "state of a sequence are gone with it. It is a WARNING where a function's text mentions the "
    "name or queries read the materialized view, and a note where no use is known.",
    "The server refuses the DROP for other views, defaults and rules that use it, but knows "
    "nothing of function bodies that are text, and nothing of code outside.",
    "Deploy code that does not use it first. CREATE OR REPLACE VIEW changes a view without "
    "dropping it, as long as its columns stay and new ones come last.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nCREATE MATERIALIZED VIEW totals "
    "AS SELECT id, total FROM orders;\nCREATE FUNCTION total_of(bigint) RETURNS numeric LANGUAGE "
    "plpgsql AS $$BEGIN RETURN (SELECT total FROM totals WHERE id = $1); END$$;",
    "DROP MATERIALIZED VIEW totals;",
    "BEGIN;\nSET LOCAL db_guard.allow = 'drop-view';\nSET LOCAL db_guard.allow_reason = 'total_of "
    "goes with the next release';\nDROP MATERIALIZED VIEW totals;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropRelation},
    check,
};

}  // namespace db_guard::rules
