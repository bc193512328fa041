#include <algorithm>

#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "validate-constraint-blocking";

bool is_only_action(const Context& context) { return context.statement.actions.size() == 1; }

// The rest of the statement as one statement of its own; empty where it is not known.
Text other_clauses(const Context& context) {
  Text clauses;
  for (const ddl::Action& other : context.statement.actions) {
    if (&other == &context.action) continue;
    if (other.clause.empty()) return {};
    // A comment at the end of a clause must not swallow the comma.
    clauses.append(concat({clauses.empty() ? "" : "\n, ", other.clause}));
  }
  return clauses;
}

void append_steps(const Context& context, Vector<Text>& steps) {
  if (!is_only_action(context)) {
    const Text others = other_clauses(context);
    if (others.empty()) return;
    steps.push_back(alter_step(context, others));
  }
  steps.push_back(alter_step(
      context, concat({"VALIDATE CONSTRAINT ", context.facts.quote(context.action.constraint)})));
}

void check(const Context& context, Findings& findings) {
  if (!context.work.scan && !context.work.fk_check) return;
  const ddl::Lock held = context.facts.held_lock(context.relation());
  const ddl::Lock lock = std::max(held, context.lock);
  if (!ddl::blocks_writes(lock) || context.bytes_at_work() <= context.small_table_size) return;
  const bool by_statement = ddl::blocks_writes(context.lock);
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.constraint = context.action.constraint;
  finding.message = concat({"VALIDATE CONSTRAINT reads every row of ", table_with_size(context),
                            " while this ", by_statement ? "statement" : "transaction", " holds ",
                            ddl::lock_name(lock), "; ", ddl::who_waits(lock), " until it is done"});
  finding.detail = Text(
      by_statement
          ? "By itself VALIDATE CONSTRAINT lets reads and writes go on, but the other commands "
            "of the statement take a stronger lock, and all of them run under it."
          : "By itself VALIDATE CONSTRAINT lets reads and writes go on, but the transaction "
            "keeps the stronger lock of an earlier statement until it ends: commit first.");
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule validate_constraint_blocking;
constexpr Rule validate_constraint_blocking = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Validating a constraint under a stronger lock than it needs",
    "VALIDATE CONSTRAINT takes SHARE UPDATE EXCLUSIVE, but the scan runs under whatever lock the "
    "transaction already holds: that of ADD CONSTRAINT, or of another command of the same ALTER "
    "TABLE.",
    "NOT VALID and VALIDATE in one transaction save nothing: reads and writes wait for the scan as "
    "if the constraint had been added in one piece.",
    "Commit after ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT in a statement and a "
    "transaction of its own.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total > 0) NOT VALID, VALIDATE "
    "CONSTRAINT total_positive;",
    "ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total > 0) NOT VALID;\nALTER TABLE "
    "orders VALIDATE CONSTRAINT total_positive;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "scan",
    {ddl::ActionKind::kValidateConstraint},
    check,
};

}  // namespace db_guard::rules
