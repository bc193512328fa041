#include <algorithm>

#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "work-after-lock";

std::string_view work_text(const ddl::Work& work) {
  if (work.rewrite) return "rewrites";
  if (work.index_build) return "builds an index on";
  return work.scan ? "scans" : "checks a foreign key of";
}

ddl::Lock strongest(const Vector<HeldRelation>& held) {
  ddl::Lock lock = ddl::Lock::kNone;
  for (const HeldRelation& one : held) lock = std::max(lock, one.lock);
  return lock;
}

bool is_any_large(const Context& context, const Vector<HeldRelation>& held) {
  return std::any_of(held.begin(), held.end(), [&](const HeldRelation& one) {
    return context.facts.size(one.relation).bytes > context.small_table_size;
  });
}

void check(const Context& context, Findings& findings) {
  if (!context.work.is_long() || !context.facts.transaction().holds_locks()) return;
  if (context.bytes_at_work() <= context.small_table_size) return;
  const Vector<HeldRelation> held = held_relations(context);
  if (held.empty()) return;
  const bool large = is_any_large(context, held);
  Finding finding = make_finding(context, kSlug, large ? Severity::kBlock : Severity::kWarn);
  finding.message =
      concat({context.statement.tag, " ", work_text(context.work), " ", table_with_size(context),
              " while this transaction holds ", held_text(held), "; ",
              ddl::who_waits(strongest(held)), " there until it is done"});
  finding.detail = Text(
      "A lock is held until the transaction ends, so what was locked briefly stays locked for all "
      "the work that comes after it. Commit first; then do this in a transaction of its own.");
  add_evidence(finding, "held", held_text(held));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule work_after_lock;
constexpr Rule work_after_lock = {
    kSlug,
    "transactions",
    Severity::kBlock,
    "Long work while another table is locked",
    "A scan, rewrite, index build or foreign key check of one table, in a transaction that has "
    "locked another one against writes. A WARNING where the locked tables are small.",
    "The table that was locked briefly stays locked until the long work on the other one is done.",
    "Commit after the statement that takes the strong lock; do the long work in a transaction of "
    "its own.",
    "CREATE TABLE users (id bigint PRIMARY KEY, name text);\nINSERT INTO users SELECT g, g FROM "
    "generate_series(1, 1000) g;\n"
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;\n"
    "ALTER TABLE orders ADD CONSTRAINT positive CHECK (total >= 0) NOT VALID;",
    "BEGIN;\nALTER TABLE users ADD COLUMN active boolean;\nALTER TABLE orders VALIDATE CONSTRAINT "
    "positive;\nCOMMIT;",
    "ALTER TABLE users ADD COLUMN active boolean;\nALTER TABLE orders VALIDATE CONSTRAINT "
    "positive;",
    "0.1.0",
    ddl::Lock::kShareUpdateExclusive,
    "scan",
    ddl::all_kinds_with_target(),
    check,
    nullptr,
    true,
    true,
};

}  // namespace db_guard::rules
