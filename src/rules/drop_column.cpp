#include "rules/losses.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-column";

void append_steps(const Context& context, const ddl::Column& column, Vector<Text>& steps) {
  const Text& table = context.relation().display;
  const Text quoted = context.facts.quote(column.name);
  if (column.not_null && !column.has_default && context.relation().has_rows()) {
    steps.push_back(concat({"-- so that new code can leave it out:\nALTER TABLE ", table,
                            " ALTER COLUMN ", quoted, " DROP NOT NULL;"}));
  }
  steps.push_back(concat({"-- deploy the code that no longer uses it, then:\n",
                          allowed_step(rules_to_allow(context, kSlug), "no code uses it any more",
                                       concat({"ALTER TABLE ", table, " DROP COLUMN ", quoted,
                                               context.action.cascade ? " CASCADE;" : ";"}))}));
}

void check(const Context& context, Findings& findings) {
  const auto& column = context.column();
  if (!column) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = column->name;
  finding.message =
      concat({"dropping column ", context.facts.quote(column->name), " of ", subject(context),
              " loses its values and breaks every statement that still names it"});
  finding.detail = dependents_text(context.facts.column_dependents(context.relation(), *column));
  append_steps(context, *column, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_column;
constexpr Rule drop_column = {
    kSlug,
    "drops",
    Severity::kBlock,
    "Dropping a column",
    "The values are gone at once, and with them the indexes, constraints and statistics that use "
    "the column. The lock (ACCESS EXCLUSIVE) is brief; nothing is rewritten.",
    "Code that still names the column fails, and object-relational mappers name every column they "
    "know. A multi-column unique key that contains it vanishes silently.",
    "Deploy code that does not use the column first, then drop it with an override that gives the "
    "reason. Where the column is NOT NULL without a default, drop NOT NULL before, so that the new "
    "code can leave it out.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric, note text);\nINSERT INTO "
    "orders SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders DROP COLUMN note;",
    "BEGIN;\nSET LOCAL db_guard.allow = 'drop-column';\nSET LOCAL db_guard.allow_reason "
    "= 'unused since release 41';\nALTER TABLE orders DROP COLUMN note;\nCOMMIT;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropColumn},
    check,
};

}  // namespace db_guard::rules
