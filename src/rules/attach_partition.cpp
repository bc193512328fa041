#include "rules/steps_partitions.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "attach-partition";

// Of the table and what is below it, without the default partition: that is another rule's matter.
struct Labour {
  ddl::Work work;
  std::uint64_t bytes = 0;
};

void add(const ddl::Effect& effect, std::uint64_t bytes, Labour& labour) {
  labour.work.scan |= effect.scan;
  labour.work.index_build |= effect.index_build;
  labour.work.fk_check |= effect.fk_check;
  if (effect.is_long()) labour.bytes += bytes;
}

void add_tree(const Context& context, const ddl::Relation& table, Labour& labour) {
  ddl::Relation alone = table;
  alone.only = true;
  add(context.effects.on(table.id), context.facts.size(alone).bytes, labour);
  if (!table.partitioned()) return;
  for (const ddl::Relation& child : context.facts.partitions(table)) {
    add_tree(context, child, labour);
  }
}

Text words_for(const ddl::Work& work) {
  Vector<Text> words;
  if (work.index_build) words.emplace_back("builds the indexes it lacks");
  if (work.fk_check) words.emplace_back("checks foreign keys row by row");
  if (work.scan) words.emplace_back("scans every row");
  Text text;
  for (std::size_t i = 0; i < words.size(); i++) {
    text.append(i == 0 ? "" : i + 1 == words.size() ? " and " : ", ").append(words[i]);
  }
  return text;
}

Text detail_of(const ddl::Work& work, const ddl::NewPartition& partition) {
  Text detail;
  if (work.scan) {
    detail = "No validated constraint proves that every row belongs in the partition.";
    if (partition.unprovable) {
      detail.append(" None can: over columns with a collation, no CHECK is the same as the "
                    "server's test of a hash partition.");
    } else if (!partition.constraint.empty()) {
      detail.append(concat({" It has to follow from: ", partition.constraint, "."}));
    }
  }
  if (work.index_build) {
    detail.append(detail.empty() ? "" : " ")
        .append("Every index of the parent needs one on the partition, and a constraint's index "
                "one that belongs to a constraint.");
  }
  if (work.fk_check) {
    detail.append(detail.empty() ? "" : " ")
        .append("A validated foreign key of the same definition on the partition would be taken "
                "over as it is.");
  }
  return detail;
}

void check(const Context& context, Findings& findings) {
  const auto table = context.facts.relation(context.action.other);
  if (!table) return;
  Labour labour;
  add_tree(context, *table, labour);
  if (!labour.work.is_long() || labour.bytes <= context.small_table_size) return;
  const ddl::NewPartition partition =
      context.facts.new_partition(context.relation(), context.action);
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  add_evidence(finding, "partition", table->display);
  add_evidence(finding, "partition_bytes", double(labour.bytes));
  finding.message =
      concat({"attaching ", table->display, " (", core::pretty_bytes(labour.bytes), ") to ",
              table_with_size(context), " takes ACCESS EXCLUSIVE on it and ",
              words_for(labour.work), "; its reads and writes wait until it is done"});
  finding.detail = detail_of(labour.work, partition);
  append_attach_steps(context, partition, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule attach_partition;
constexpr Rule attach_partition = {
    kSlug,
    "partitions",
    Severity::kBlock,
    "Attaching a partition that is not prepared",
    "The new partition is locked ACCESS EXCLUSIVE while the server reads every row of it to check "
    "the bounds, builds the indexes that it lacks, and checks the foreign keys of the parent. The "
    "parent is locked SHARE UPDATE EXCLUSIVE only; reads and writes of it go on.",
    "Reads and writes of the table wait until that is done. Where the rows do not fit, the work "
    "was "
    "for nothing.",
    "Build the indexes CONCURRENTLY, add the foreign keys and a CHECK constraint that says what "
    "the "
    "bounds say, both NOT VALID, validate them, attach, and drop the CHECK. The server then finds "
    "everything proven.",
    "CREATE TABLE orders (id bigint NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);\nCREATE "
    "TABLE orders_2026 (id bigint NOT NULL, day date NOT NULL);\nINSERT INTO orders_2026 SELECT g, "
    "'2026-06-01' FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM ('2026-01-01') TO "
    "('2027-01-01');",
    "SET lock_timeout = '2s';\nALTER TABLE orders_2026 ADD CONSTRAINT in_bounds CHECK (day >= "
    "'2026-01-01' AND day < '2027-01-01') NOT VALID;\nALTER TABLE orders_2026 VALIDATE CONSTRAINT "
    "in_bounds;\nALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM ('2026-01-01') TO "
    "('2027-01-01');\nALTER TABLE orders_2026 DROP CONSTRAINT in_bounds;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "scan",
    {ddl::ActionKind::kAttachPartition},
    check,
};

}  // namespace db_guard::rules
