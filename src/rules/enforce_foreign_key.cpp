#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "enforce-foreign-key";

// As pg_get_constraintdef prints it, at the end.
constexpr std::string_view kNotEnforced = " NOT ENFORCED";

void append_steps(const Context& context, std::string_view definition, Vector<Text>& steps) {
  if (definition.size() < kNotEnforced.size()) return;
  const std::size_t end = definition.size() - kNotEnforced.size();
  if (definition.substr(end) != kNotEnforced) return;
  ddl::Facts& facts = context.facts;
  const Text old = facts.quote(context.action.constraint);
  const Text fresh =
      facts.quote(facts.free_name(context.relation(), context.action.constraint, "new"));
  steps.push_back(alter_step(
      context, concat({"ADD CONSTRAINT ", fresh, " ", definition.substr(0, end), " NOT VALID"})));
  steps.push_back(alter_step(context, concat({"VALIDATE CONSTRAINT ", fresh})));
  steps.push_back(alter_step(context, concat({"DROP CONSTRAINT ", old})));
  steps.push_back(alter_step(context, concat({"RENAME CONSTRAINT ", fresh, " TO ", old})));
}

void check(const Context& context, Findings& findings) {
  if (!context.work.fk_check || context.bytes_at_work() <= context.small_table_size) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.constraint = context.action.constraint;
  finding.message = concat({"enforcing a foreign key takes ", ddl::lock_name(context.lock), " on ",
                            table_with_size(context), " and checks every row; ",
                            ddl::who_waits(context.lock), " until it is done"});
  finding.detail = Text(
      "ALTER CONSTRAINT cannot leave the key NOT VALID. A second key can be added NOT VALID and "
      "validated while reads and writes go on; then it takes the place of this one.");
  const auto known = context.facts.constraint(context.relation(), context.action.constraint);
  if (known && !context.relation().partitioned()) {
    append_steps(context, known->definition, finding.safe_sql);
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule enforce_foreign_key;
constexpr Rule enforce_foreign_key = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Enforcing a foreign key that was NOT ENFORCED",
    "Takes ACCESS EXCLUSIVE on the table and SHARE ROW EXCLUSIVE on the referenced one, and looks "
    "for the partner of every row.",
    "Reads and writes wait for the check, and when one row has no partner it was for nothing.",
    "Add the same key once more, NOT VALID, and VALIDATE it: that lets reads and writes go on. "
    "Then "
    "drop the one that is not enforced and give the new one its name.",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nINSERT INTO users SELECT generate_series(1, "
    "1000);\nCREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint);\nCREATE INDEX ON orders "
    "(user_id);\nINSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;\nALTER TABLE "
    "orders ADD CONSTRAINT orders_user FOREIGN KEY (user_id) REFERENCES users NOT ENFORCED;",
    "ALTER TABLE orders ALTER CONSTRAINT orders_user ENFORCED;",
    "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users "
    "NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT orders_user_id_fkey;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "foreign key check",
    {ddl::ActionKind::kAlterConstraint},
    check,
    nullptr,
    false,
    false,
    18,
};

}  // namespace db_guard::rules
