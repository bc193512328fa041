#include "rules/steps.hpp"
#include "rules/steps_constraints.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "foreign-key-without-index";

constexpr std::string_view kDetail =
    "An index serves the key if it is valid, leads with the key's columns in any order, and leaves "
    "out no row but those with a NULL in them.";

void append_steps(const Context& context, Vector<Text>& steps) {
  const Vector<Text>& columns = context.action.key.columns;
  OnlineIndex index;
  index.definition = concat({" (", quoted_list(context.facts, columns), ")"});
  index.part = name_part(context.action.key);
  append_index_steps(context, index, steps);
  // How to add a key that is checked is said where that is found.
  if (context.work.fk_check || context.action.clause.empty()) return;
  steps.push_back(alter_step(context, context.action.clause));
}

// A transaction may still make the index: where its end is judged, that is soon enough.
void check(const Context& context, Findings& findings) {
  if (context.facts.judges_end_of_transaction()) return;
  const Vector<Text>& columns = context.action.key.columns;
  if (columns.empty() || context.action.not_enforced || is_small(context)) return;
  if (context.facts.foreign_key_is_indexed(context.relation(), columns)) return;
  Finding finding = make_finding(context, kSlug, Severity::kWarn);
  finding.place.constraint = context.action.constraint;
  const auto other = context.facts.relation(context.action.other);
  finding.message =
      concat({"no index leads with (", quoted_list(context.facts, columns), ") of ",
              table_with_size(context), "; every DELETE and every UPDATE of a key in ",
              other ? std::string_view(other->display) : "the referenced table", " would scan it"});
  finding.detail = Text(kDetail);
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

void report(const Context& context, const ddl::KeyColumns& key, Findings& findings) {
  const Text columns = quoted_list(context.facts, key.columns);
  Finding finding =
      make_finding(context, kSlug, is_small(context) ? Severity::kNote : Severity::kWarn);
  finding.place.constraint = key.constraint;
  finding.message =
      concat({"no index serves the new foreign key ", context.facts.quote(key.constraint), " (",
              columns, ") of ", table_with_size(context),
              "; every DELETE and every change of a key in ", key.other_table, " scans it"});
  finding.detail = Text(kDetail);
  OnlineIndex index;
  index.definition = concat({" (", columns, ")"});
  index.part = key.columns.front();
  append_index_steps(context, index, finding.safe_sql);
  findings.push_back(std::move(finding));
}

void check_end(const Context& context, const ddl::Touched& touched, Findings& findings) {
  if (!touched.foreign_keys_added) return;
  for (const ddl::KeyColumns& key : context.facts.unindexed_foreign_keys(context.relation())) {
    report(context, key, findings);
  }
}

}  // namespace

extern const Rule foreign_key_without_index;
constexpr Rule foreign_key_without_index = {
    kSlug,
    "constraints",
    Severity::kWarn,
    "A foreign key without an index",
    "Every DELETE on the referenced table, and every UPDATE of a referenced key, looks for the "
    "rows "
    "that reference it. Without an index that leads with the key's columns it reads this whole "
    "table, once for each row.",
    "Deleting a thousand users scans the orders a thousand times, and the locks of the DELETE are "
    "held all the while. Joins along the key are slow, too.",
    "CREATE INDEX CONCURRENTLY on the key's columns first. The rule is asked before commit, so "
    "that the index may come later in the transaction. A partial index WHERE the column IS NOT "
    "NULL is enough.",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nINSERT INTO users SELECT generate_series(1, "
    "1000);\nCREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users "
    "NOT VALID;",
    "CREATE INDEX CONCURRENTLY orders_user_id_idx ON orders (user_id);\nALTER TABLE orders ADD "
    "CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users NOT VALID;",
    "0.1.0",
    ddl::Lock::kShareRowExclusive,
    "none",
    {ddl::ActionKind::kAddForeignKey},
    check,
    check_end,
};

}  // namespace db_guard::rules
