#include "rules/reach.hpp"
#include "rules/steps.hpp"
#include "rules/steps_partitions.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-partition";

void append_steps(const Context& context, Vector<Text>& steps) {
  const Text drop = concat({"DROP TABLE ", context.relation().display, ";"});
  append_concurrent_detach(context, context.relation(), steps);
  // Rows are another rule's matter, which has the same steps.
  if (context.size().bytes > 0) {
    steps.push_back(allowed_step("drop-table", "its rows are not needed any more", drop));
  } else {
    steps.push_back(steps.empty() ? under_lock_timeout(drop) : drop);
  }
}

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  const auto parent = facts.parent_of_partition(context.relation());
  if (!parent || facts.size(*parent).bytes <= context.small_table_size) return;
  const auto severity = severity_of_brief_lock(context);
  if (!severity) return;
  const auto other = facts.default_partition(*parent);
  Finding finding = make_finding(context, kSlug, *severity);
  finding.message =
      concat({"dropping partition ", table_with_size(context), " takes ACCESS EXCLUSIVE on ",
              names_with_sizes(facts, {*parent}), other ? " and its default partition" : "",
              "; reads and writes wait while it queues"});
  finding.detail = brief_lock_detail(context).append(
      other ? " It cannot be detached CONCURRENTLY while there is a default partition."
            : " Once it is detached CONCURRENTLY, dropping it locks nobody else.");
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_partition;
constexpr Rule drop_partition = {
    kSlug,
    "partitions",
    Severity::kBlock,
    "Dropping a table that is a partition",
    "Takes ACCESS EXCLUSIVE on the parent and the default partition too, briefly. A note where no "
    "lock_timeout is set; an error where another session is in the way then. Parents up to "
    "db_guard.small_table_size are left alone.",
    "While the DROP waits for a running query on the parent, every later read and write of it "
    "waits "
    "behind it: of all partitions at once.",
    "DETACH PARTITION ... CONCURRENTLY, then drop the table. With a default partition the server "
    "refuses that: then set lock_timeout and try again when it expires.",
    "CREATE TABLE orders (id bigint NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);\nCREATE "
    "TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO "
    "('2026-01-01');\nINSERT INTO orders SELECT g, '2025-06-01' FROM generate_series(1, 1000) "
    "g;\nCREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO "
    "('2027-01-01');",
    "DROP TABLE orders_2026;",
    "ALTER TABLE orders DETACH PARTITION orders_2026 CONCURRENTLY;\nDROP TABLE orders_2026;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropRelation},
    check,
};

}  // namespace db_guard::rules
