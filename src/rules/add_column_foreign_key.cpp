#include <algorithm>

#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "add-column-foreign-key";

bool has_references(const Context& context) {
  const auto& parts = context.action.parts;
  return std::any_of(parts.begin(), parts.end(), [](const ddl::ColumnPart& part) {
    return part.kind == ddl::PartKind::kReferences;
  });
}

bool locks_both(const Context& context, const std::optional<ddl::Relation>& referenced) {
  return referenced && referenced->id != context.relation().id &&
         ddl::blocks_writes(context.effects.on(referenced->id).lock);
}

Text locks(const Context& context, const std::optional<ddl::Relation>& referenced) {
  const Text own = concat({"ACCESS EXCLUSIVE on ", table_with_size(context)});
  if (!locks_both(context, referenced)) return own;
  return concat({own, " and ", ddl::lock_name(context.effects.on(referenced->id).lock), " on ",
                 referenced->display, " (",
                 core::pretty_bytes(context.facts.size(*referenced).bytes), ")"});
}

Text who_waits(bool both) {
  return Text(both ? "reads and writes of the one and writes to the other" : "reads and writes");
}

Text why(const Context& context, bool checks) {
  if (checks) {
    return Text(
        "A column that starts with a value has to be checked in every row. The check can also be "
        "done later, with reads and writes going on.");
  }
  return Text(context.work.fk_check
                  ? "There are few rows to check, so the locks are brief once they are there."
                  : "The column is NULL in every row, so there is nothing to check, and the locks "
                    "are brief once they are there.");
}

void check(const Context& context, Findings& findings) {
  // One that exists makes the server refuse, or do nothing.
  if (!has_references(context) || context.column()) return;
  const auto referenced = context.facts.relation(context.action.other);
  const bool other_is_small =
      !referenced || context.facts.size(*referenced).bytes <= context.small_table_size;
  if (is_small(context) && other_is_small) return;
  const bool checks = context.work.fk_check && !is_small(context);
  Finding finding = make_finding(context, kSlug, checks ? Severity::kBlock : Severity::kNote);
  finding.place.column = context.action.column;
  finding.message = concat({"adding column ", context.facts.quote(context.action.column),
                            " with a foreign key takes ", locks(context, referenced),
                            checks ? ", and looks its default up for every row; " : "; ",
                            who_waits(locks_both(context, referenced)),
                            checks ? " wait until it is done" : " wait while it queues"});
  finding.detail = why(context, checks);
  if (checks) append_added_column_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule add_column_foreign_key;
constexpr Rule add_column_foreign_key = {
    kSlug,
    "columns",
    Severity::kBlock,
    "Adding a column with a foreign key",
    "Takes ACCESS EXCLUSIVE on the table and SHARE ROW EXCLUSIVE on the referenced one. With a "
    "default the key is checked for every row under these locks; without one there is nothing to "
    "check, the locks are brief, and only a note is left.",
    "Reads and writes of the table wait for the check, and writes to the referenced one, too.",
    "Add the column with its default, then the foreign key NOT VALID, then validate it. Or add it "
    "with the key but without a default, which has nothing to check.",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nCREATE TABLE orders (id bigint PRIMARY KEY, "
    "total numeric);\nINSERT INTO users SELECT generate_series(1, 1000);\nINSERT INTO orders "
    "SELECT g, g "
    "FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD COLUMN user_id bigint DEFAULT 1 REFERENCES users;",
    "ALTER TABLE orders ADD COLUMN user_id bigint DEFAULT 1;\nCREATE INDEX CONCURRENTLY "
    "orders_user_id_idx ON orders (user_id);\nALTER TABLE orders ADD CONSTRAINT "
    "orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users NOT VALID;\nALTER TABLE orders "
    "VALIDATE CONSTRAINT orders_user_id_fkey;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "foreign key check",
    {ddl::ActionKind::kAddColumn},
    check,
};

}  // namespace db_guard::rules
