#include <algorithm>

#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "several-tables-locked";

// A table that this transaction has locked already is no further one, nor is a partition next to
// its parent.
bool is_a_further_table(const Context& context, const Vector<HeldRelation>& held) {
  const ddl::Relation& relation = context.relation();
  if (!relation.has_rows() || ddl::blocks_writes(context.facts.held_lock(relation))) return false;
  if (!relation.is_partition) return true;
  return std::none_of(held.begin(), held.end(),
                      [](const HeldRelation& one) { return one.relation.partitioned(); });
}

// One statement is reported once for each table.
bool is_first_of_its_table(const Context& context) {
  for (const ddl::Action& action : context.statement.actions) {
    if (action.target == context.action.target) return &action == &context.action;
  }
  return true;
}

void check(const Context& context, Findings& findings) {
  if (!is_first_of_its_table(context)) return;
  if (!ddl::blocks_writes(context.lock) || !context.facts.transaction().holds_locks()) return;
  const Vector<HeldRelation> held = held_relations(context);
  if (held.empty() || !is_a_further_table(context, held)) return;
  const bool waits = context.facts.lock_timeout_ms() == 0 &&
                     !context.facts.sessions_in_the_way(context.relation(), context.lock).empty();
  Finding finding = make_finding(context, kSlug, waits ? Severity::kWarn : Severity::kNote);
  finding.message = concat({context.statement.tag, " locks ", table_with_size(context),
                            " while this transaction still holds ", held_text(held),
                            "; whoever needs one of them waits until it ends"});
  finding.detail = Text(
      "Transactions that lock the same tables in another order stop each other, and while this one "
      "waits for one table nobody gets at those that it has. Commit after each table.");
  add_evidence(finding, "held", held_text(held));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule several_tables_locked;
constexpr Rule several_tables_locked = {
    kSlug,
    "transactions",
    Severity::kWarn,
    "Locking several tables in one transaction",
    "A statement takes a lock that blocks writes while an earlier statement of the transaction "
    "holds such a lock on another table. It is a note; a WARNING when another session is using the "
    "table and no lock_timeout is set.",
    "All of these tables stay locked until the transaction ends, and each further lock may have to "
    "wait while the others are held: that is how deadlocks come about.",
    "One table a transaction. Where it has to be one transaction, set lock_timeout, and lock the "
    "tables in the order in which the application uses them.",
    "CREATE TABLE users (id bigint PRIMARY KEY, name text);\n"
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "BEGIN;\nALTER TABLE users ADD COLUMN active boolean;\nALTER TABLE orders ADD COLUMN note "
    "text;\nCOMMIT;",
    "ALTER TABLE users ADD COLUMN active boolean;\nALTER TABLE orders ADD COLUMN note text;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    ddl::all_kinds_with_target(),
    check,
    nullptr,
    true,
    true,
};

}  // namespace db_guard::rules
