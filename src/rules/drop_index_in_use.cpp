#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "drop-index-in-use";

// Reasons of meaning count at any size; mere speed only where there is something to be slow about.
Vector<Text> reasons(const Context& context, const ddl::Index& index, const ddl::IndexUse& use) {
  Vector<Text> found;
  if (index.unique) found.emplace_back("it keeps keys unique");
  if (use.replica_identity) {
    found.emplace_back("it is the table's replica identity, without which UPDATE and DELETE of a "
                       "published table fail");
  }
  if (is_small(context)) return found;
  if (!use.foreign_keys.empty()) {
    found.push_back(concat({"it is the only index behind ", core::list_of(use.foreign_keys, 3),
                            ", which DELETE and UPDATE on the referenced table would scan for"}));
  }
  if (use.scans > 0) found.emplace_back("queries use it");
  return found;
}

Text usage(const ddl::IndexUse& use) {
  Text text = concat({"It was scanned ", core::counted(std::size_t(use.scans), "time", "times"),
                      use.stats_since.empty() ? "" : " since ", use.stats_since});
  if (!use.last_scan.empty()) text.append(concat({", last at ", use.last_scan}));
  if (!use.last_scan_recorded) text.append(" (when last is not recorded before PostgreSQL 16)");
  return concat({text, ". Standbys count their own scans: look there too."});
}

void check(const Context& context, Findings& findings) {
  const auto index = context.facts.index(context.action.target);
  // The server refuses to drop a constraint's index or a partition's; an invalid one serves nobody.
  if (!index || index->backs_constraint || index->is_partition || !index->valid) return;
  const ddl::IndexUse use = context.facts.index_use(context.relation(), *index);
  const Vector<Text> found = reasons(context, *index, use);
  if (found.empty() || !use.twin.empty()) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.object = index->display;
  add_evidence(finding, "scans", use.scans);
  finding.message = concat(
      {"index ", index->display, " of ", table_with_size(context), " is in use: ", found.front()});
  finding.detail = usage(use);
  for (std::size_t i = 1; i < found.size(); i++) {
    finding.detail.append(concat({" Also, ", found[i], "."}));
  }
  if (!use.definition.empty()) {
    finding.detail.append(concat({" To have it back: ", use.definition, "."}));
  }
  finding.safe_sql.push_back(concat({"SET db_guard.allow = '", kSlug, "';"}));
  finding.safe_sql.push_back(
      Text("SET db_guard.allow_reason = 'no query needs it: plans were compared';"));
  finding.safe_sql.push_back(
      concat({"DROP INDEX ", index->partitioned ? "" : "CONCURRENTLY ", index->display, ";"}));
  finding.safe_sql.push_back(Text("RESET db_guard.allow;"));
  finding.safe_sql.push_back(Text("RESET db_guard.allow_reason;"));
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule drop_index_in_use;
constexpr Rule drop_index_in_use = {
    kSlug,
    "indexes",
    Severity::kBlock,
    "Dropping an index that is in use",
    "The index is gone at once; building it again takes as long as the first time. A unique index "
    "and a replica identity count on tables of any size; scans and foreign keys only above "
    "db_guard.small_table_size.",
    "Queries that used it scan the table instead; a unique index takes its guarantee with it, and "
    "ON CONFLICT statements that rely on it fail; a foreign key without an index makes every "
    "DELETE on the referenced table scan this one.",
    "Look at pg_stat_user_indexes here and on every standby, compare the plans of the "
    "queries on the table, then drop it CONCURRENTLY with an override that gives the "
    "reason.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;\nCREATE UNIQUE INDEX orders_total_idx "
    "ON orders (total);",
    "DROP INDEX orders_total_idx;",
    "SET db_guard.allow = 'drop-index-in-use';\nSET db_guard.allow_reason = 'replaced by "
    "orders_total_id_idx';\nDROP INDEX CONCURRENTLY orders_total_idx;\nRESET "
    "db_guard.allow;\nRESET db_guard.allow_reason;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kDropIndex},
    check,
};

}  // namespace db_guard::rules
