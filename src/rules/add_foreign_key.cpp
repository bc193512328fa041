#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-foreign-key";

Text reach(const Context& context) {
  const auto other = context.facts.relation(context.action.other);
  const Text own = table_with_size(context);
  if (!other || other->id == context.relation().id) return own;
  return concat({own, " and on ", other->display});
}

Text why(const Context& context) {
  if (context.relation().partitioned() && context.facts.server_major() < 18) {
    return Text(
        "Before PostgreSQL 18 a partitioned table takes no foreign key NOT VALID. But each "
        "partition can have its own, checked while reads and writes go on, and a key of the parent "
        "then takes them over without another check.");
  }
  return Text("Added NOT VALID, the key binds every new row at once, without a look at the others; "
              "VALIDATE "
              "CONSTRAINT then checks those while reads and writes go on.");
}

void check(const Context& context, Findings& findings) {
  if (!context.work.fk_check || context.bytes_at_work() <= context.small_table_size) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.constraint = context.action.constraint;
  finding.message =
      concat({"adding a foreign key takes ", ddl::lock_name(context.lock), " on ", reach(context),
              " and checks every row; ", ddl::who_waits(context.lock), " until it is done"});
  finding.detail = why(context);
  append_validated_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_foreign_key;
constexpr Rule add_foreign_key = {
    kSlug,
    "constraints",
    Severity::kBlock,
    "Adding a foreign key that checks the table",
    "Takes SHARE ROW EXCLUSIVE on both tables and looks for the partner of every row.",
    "Writes to both tables wait for the check, also to the one that the statement only refers to, "
    "and when one row has no partner it was for nothing.",
    "Add the key NOT VALID, which is brief and binds every new row, then VALIDATE CONSTRAINT in a "
    "transaction of its own: it checks under SHARE UPDATE EXCLUSIVE on this table and ROW SHARE on "
    "the other, and reads and writes go on. Before PostgreSQL 18 a partitioned table takes no key "
    "NOT VALID: give each partition its own that way, then add the parent's.",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nINSERT INTO users SELECT generate_series(1, "
    "1000);\nCREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint);\nCREATE INDEX ON orders "
    "(user_id);\nINSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;",
    "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users "
    "NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT orders_user_id_fkey;",
    "0.1.0",
    ddl::Lock::kShareRowExclusive,
    "foreign key check",
    {ddl::ActionKind::kAddForeignKey},
    check,
};

}  // namespace db_guard::rules
