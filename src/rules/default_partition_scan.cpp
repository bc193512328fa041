#include "rules/reach.hpp"
#include "rules/steps_partitions.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "default-partition-scan";

std::uint64_t bytes_scanned(const Context& context, const ddl::Relation& table) {
  std::uint64_t bytes = 0;
  for (ddl::Relation& member : family_of(context.facts, table)) {
    member.only = true;
    if (context.effects.on(member.id).scan) bytes += context.facts.size(member).bytes;
  }
  return bytes;
}

void check(const Context& context, Findings& findings) {
  ddl::Facts& facts = context.facts;
  const auto table = facts.default_partition(context.relation());
  if (!table) return;
  const std::uint64_t bytes = bytes_scanned(context, *table);
  if (bytes <= context.small_table_size) return;
  const bool attaches = context.action.kind == ddl::ActionKind::kAttachPartition;
  const ddl::NewPartition partition = facts.new_partition(context.relation(), context.action);
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  add_evidence(finding, "default_partition", table->display);
  add_evidence(finding, "default_partition_bytes", double(bytes));
  finding.message = concat({"a new partition of ", table_with_size(context),
                            " takes ACCESS EXCLUSIVE on the default partition ", table->display,
                            " (", core::pretty_bytes(bytes),
                            ") and scans every row; reads and writes of it wait until it is done"});
  finding.detail = Text(
      "No validated constraint proves that the default partition holds no row that belongs in the "
      "new one.");
  if (attaches) {
    append_attach_steps(context, partition, finding.safe_sql);
  } else {
    append_create_partition_steps(context, partition, finding.safe_sql);
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule default_partition_scan;
constexpr Rule default_partition_scan = {
    kSlug,
    "partitions",
    Severity::kBlock,
    "A new partition beside a default partition with rows",
    "The default partition is locked ACCESS EXCLUSIVE, and every row of it is read to see whether "
    "it belongs in the new partition: for ATTACH PARTITION and CREATE TABLE ... PARTITION OF "
    "alike, even where the new partition itself is proven or empty.",
    "Reads and writes that reach the default partition wait until the scan is done; so does every "
    "query of the parent that cannot rule it out. Where it holds such a row, the statement fails "
    "after the scan.",
    "Add a CHECK constraint to the default partition that rules out the rows of the new one, NOT "
    "VALID, and validate it; then attach the new partition and drop the CHECK. Move rows that "
    "belong in the new partition first.",
    "CREATE TABLE orders (id bigint NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);\nCREATE "
    "TABLE orders_2026 (id bigint NOT NULL, day date NOT NULL);\nCREATE TABLE orders_other "
    "PARTITION OF orders DEFAULT;\nINSERT INTO orders SELECT g, '2025-06-01' FROM "
    "generate_series(1, 1000) g;",
    "ALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM ('2026-01-01') TO "
    "('2027-01-01');",
    "SET lock_timeout = '2s';\nALTER TABLE orders_other ADD CONSTRAINT not_2026 CHECK (NOT (day >= "
    "'2026-01-01' AND day < '2027-01-01')) NOT VALID;\nALTER TABLE orders_other VALIDATE "
    "CONSTRAINT not_2026;\nALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM "
    "('2026-01-01') TO ('2027-01-01');\nALTER TABLE orders_other DROP CONSTRAINT not_2026;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "scan",
    {ddl::ActionKind::kAttachPartition, ddl::ActionKind::kCreatePartition},
    check,
};

}  // namespace db_guard::rules
