#include <algorithm>

#include "rules/reached_tables.hpp"
#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "several-foreign-keys";

bool is_about_a_key(const Context& context, const ddl::Action& action) {
  if (action.kind == ddl::ActionKind::kAddForeignKey) return true;
  if (action.kind != ddl::ActionKind::kDropConstraint) return false;
  const auto known = context.facts.constraint(context.relation(), action.constraint);
  return known && known->type == 'f';
}

// Once a statement.
bool is_first_key(const Context& context) {
  const auto& actions = context.statement.actions;
  const auto first = std::find_if(actions.begin(), actions.end(), [&](const ddl::Action& action) {
    return is_about_a_key(context, action);
  });
  return first != actions.end() && &*first == &context.action;
}

Vector<Reached> tied_tables(const Context& context) {
  Vector<Reached> tables = other_tables(context);
  const auto unlocked = [](const Reached& table) { return !ddl::blocks_writes(table.effect.lock); };
  tables.erase(std::remove_if(tables.begin(), tables.end(), unlocked), tables.end());
  return tables;
}

bool all_small(const Context& context, const Vector<Reached>& tables) {
  return is_small(context) && std::all_of(tables.begin(), tables.end(), [&](const Reached& table) {
           return context.facts.size(table.relation).bytes <= context.small_table_size;
         });
}

void append_steps(const Context& context, Vector<Text>& steps) {
  const auto& actions = context.statement.actions;
  const bool known = std::none_of(actions.begin(), actions.end(),
                                  [](const ddl::Action& action) { return action.clause.empty(); });
  // How to add a key that is checked is said where that is found.
  const bool is_long = std::any_of(context.effects.actions.begin(), context.effects.actions.end(),
                                   [](const ddl::Work& work) { return work.is_long(); });
  if (!known || is_long) return;
  for (const ddl::Action& action : actions) steps.push_back(alter_step(context, action.clause));
}

void check(const Context& context, Findings& findings) {
  if (!is_first_key(context)) return;
  const Vector<Reached> tables = tied_tables(context);
  if (tables.size() < 2 || all_small(context, tables)) return;
  Vector<Text> names;
  for (const Reached& table : tables) names.push_back(table.relation.display);
  Finding finding = make_finding(context, kSlug, Severity::kWarn);
  finding.message =
      concat({"this statement locks ", table_with_size(context), " and, for its foreign keys, ",
              core::list_of(names, 5), ", and keeps all the locks until it ends"});
  finding.detail = Text(
      "Transactions that write to these tables in another order can deadlock with it, and "
      "everybody "
      "who wants one of them waits until it has the last. One key at a time, each in a transaction "
      "of its own, locks two tables only.");
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule several_foreign_keys;
constexpr Rule several_foreign_keys = {
    kSlug,
    "constraints",
    Severity::kWarn,
    "Several foreign keys in one statement",
    "Adding or dropping a foreign key locks the table at its other end as well, so a statement "
    "with "
    "several keys holds locks on all those tables at once.",
    "It gets the locks one after the other and waits for each while it holds the ones before. "
    "Writers that take the tables in another order deadlock with it.",
    "One key a statement, each in a transaction of its own.",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nCREATE TABLE items (id bigint PRIMARY "
    "KEY);\nINSERT INTO users SELECT generate_series(1, 1000);\nINSERT INTO items SELECT "
    "generate_series(1, 1000);\nCREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, "
    "item_id "
    "bigint);\nCREATE INDEX ON orders (user_id);\nCREATE INDEX ON orders (item_id);\nINSERT INTO "
    "orders SELECT g, g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users "
    "NOT VALID, ADD CONSTRAINT orders_item_id_fkey FOREIGN KEY (item_id) REFERENCES items NOT "
    "VALID;",
    "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users "
    "NOT VALID;\nALTER TABLE orders ADD CONSTRAINT orders_item_id_fkey FOREIGN KEY (item_id) "
    "REFERENCES items NOT VALID;",
    "0.1.0",
    ddl::Lock::kShareRowExclusive,
    "none",
    {ddl::ActionKind::kAddForeignKey, ddl::ActionKind::kDropConstraint},
    check,
};

}  // namespace db_guard::rules
