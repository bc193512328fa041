#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-index-blocking";

// CONCURRENTLY is refused for indexes of constraints and of partitioned tables.
bool could_be_concurrent(const ddl::Index& index) {
  return !index.backs_constraint && !index.partitioned && !index.is_partition;
}

void check(const Context& context, Findings& findings) {
  if (context.action.concurrently) return;
  const auto index = context.facts.index(context.action.target);
  if (!index || !could_be_concurrent(*index) || is_small(context)) return;
  // The lock itself is brief. It becomes an outage when it has to queue behind somebody, because
  // everybody else then queues behind it.
  const bool queues = context.facts.lock_timeout_ms() == 0 &&
                      !context.facts.sessions_in_the_way(context.relation(), context.lock).empty();
  Finding finding = make_finding(context, kSlug, queues ? Severity::kBlock : Severity::kWarn);
  finding.object = index->display;
  finding.message = concat({"DROP INDEX ", index->display, " takes ACCESS EXCLUSIVE on ",
                            table_with_size(context), "; reads and writes wait while it queues"});
  finding.detail = Text(
      queues ? "Another session holds the table and there is no lock_timeout: the DROP would wait "
               "for it, and everybody else would wait behind the DROP."
             : "The lock is brief once it is there, but everybody waits behind it while it waits.");
  finding.safe_sql.push_back(concat({"DROP INDEX CONCURRENTLY ", index->display, ";"}));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_index_blocking;
constexpr Rule drop_index_blocking = {
    kSlug,
    "indexes",
    Severity::kBlock,
    "Dropping an index without CONCURRENTLY",
    "Takes ACCESS EXCLUSIVE on the table and the index, briefly. Usually this is a WARNING; it is "
    "an error when another session is using the table and no lock_timeout is set. Tables up to "
    "db_guard.small_table_size are left alone.",
    "While the DROP waits for a running query, every later read and write of the table "
    "waits behind it.",
    "DROP INDEX CONCURRENTLY, outside a transaction block.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;\nCREATE INDEX orders_total_idx ON "
    "orders (total);",
    "DROP INDEX orders_total_idx;",
    "DROP INDEX CONCURRENTLY orders_total_idx;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropIndex},
    check,
};

}  // namespace db_guard::rules
