#include "rules/reach.hpp"
#include "rules/steps_partitions.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "detach-partition";

Text why_not_concurrently(const Context& context) {
  const auto table = context.facts.default_partition(context.relation());
  if (table) {
    return concat({" CONCURRENTLY is not possible while there is a default partition (",
                   table->display, "), which is locked as well."});
  }
  return Text(
      context.facts.in_transaction_block()
          ? " CONCURRENTLY is not possible in a transaction block."
          : " CONCURRENTLY leaves a CHECK constraint on the table that says what the bounds "
            "said.");
}

void check(const Context& context, Findings& findings) {
  if (context.action.concurrently || is_small(context)) return;
  const auto partition = context.facts.relation(context.action.other);
  const auto severity = severity_of_brief_lock(context);
  if (!partition || !severity) return;
  Finding finding = make_finding(context, kSlug, *severity);
  finding.message = concat({"detaching ", partition->display, " takes ACCESS EXCLUSIVE on ",
                            table_with_size(context), "; reads and writes wait while it queues"});
  finding.detail = brief_lock_detail(context).append(why_not_concurrently(context));
  append_concurrent_detach(context, *partition, finding.safe_sql);
  if (finding.safe_sql.empty()) {
    finding.safe_sql.push_back(
        under_lock_timeout(concat({"ALTER TABLE ", context.relation().display, " DETACH PARTITION ",
                                   partition->display, ";"})));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule detach_partition;
constexpr Rule detach_partition = {
    kSlug,
    "partitions",
    Severity::kBlock,
    "Detaching a partition without CONCURRENTLY",
    "Takes ACCESS EXCLUSIVE on the parent, the partition and the default partition, briefly. A "
    "note "
    "where no lock_timeout is set; an error where another session is in the way then. Parents up "
    "to db_guard.small_table_size are left alone.",
    "While the statement waits for a running query on the parent, every later read and write of it "
    "waits behind it: of all partitions at once.",
    "DETACH PARTITION ... CONCURRENTLY, outside a transaction block. With a default partition the "
    "server refuses that: then set lock_timeout and try again when it expires.",
    "CREATE TABLE orders_2025 (id bigint NOT NULL, day date NOT NULL);\nINSERT INTO orders_2025 "
    "SELECT g, '2025-06-01' FROM generate_series(1, 1000) g;\nCREATE TABLE orders (id bigint NOT "
    "NULL, day date NOT NULL) PARTITION BY RANGE (day);\nALTER TABLE orders ATTACH PARTITION "
    "orders_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
    "ALTER TABLE orders DETACH PARTITION orders_2025;",
    "ALTER TABLE orders DETACH PARTITION orders_2025 CONCURRENTLY;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDetachPartition},
    check,
};

}  // namespace db_guard::rules
