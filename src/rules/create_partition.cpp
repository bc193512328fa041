#include "rules/reach.hpp"
#include "rules/steps_partitions.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "create-partition";

void check(const Context& context, Findings& findings) {
  // IF NOT EXISTS of a partition that is there locks nothing.
  if (is_small(context) || !ddl::blocks_reads(context.lock)) return;
  const auto severity = severity_of_brief_lock(context);
  if (!severity) return;
  Finding finding = make_finding(context, kSlug, *severity);
  finding.message = concat({"CREATE TABLE ... PARTITION OF takes ACCESS EXCLUSIVE on ",
                            table_with_size(context), "; reads and writes wait while it queues"});
  finding.detail = brief_lock_detail(context).append(
      " ATTACH PARTITION of a table that was made before takes SHARE UPDATE EXCLUSIVE only.");
  append_create_partition_steps(
      context, context.facts.new_partition(context.relation(), context.action), finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule create_partition;
constexpr Rule create_partition = {
    kSlug,
    "partitions",
    Severity::kBlock,
    "Creating a table as a partition",
    "Takes ACCESS EXCLUSIVE on the parent, briefly. A note where no lock_timeout is set; an error "
    "where another session is in the way then. Parents up to db_guard.small_table_size are left "
    "alone.",
    "While the statement waits for a running query on the parent, every later read and write of it "
    "waits behind it: of all partitions at once.",
    "Create the table like the parent, then attach it: that takes SHARE UPDATE EXCLUSIVE on the "
    "parent, beside which reads and writes go on. Or set lock_timeout and try again when it "
    "expires.",
    "CREATE TABLE orders_2025 (id bigint NOT NULL, day date NOT NULL);\nINSERT INTO orders_2025 "
    "SELECT g, '2025-06-01' FROM generate_series(1, 1000) g;\nCREATE TABLE orders (id bigint NOT "
    "NULL, day date NOT NULL) PARTITION BY RANGE (day);\nALTER TABLE orders ATTACH PARTITION "
    "orders_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
    "CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO "
    "('2027-01-01');",
    "CREATE TABLE orders_2026 (LIKE orders INCLUDING DEFAULTS INCLUDING CONSTRAINTS);\nALTER TABLE "
    "orders ATTACH PARTITION orders_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kCreatePartition},
    check,
};

}  // namespace db_guard::rules
