#include "rules/steps_indexes.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "create-index-blocking";

bool is_already_there(const Context& context) {
  const ddl::KeySpec& key = context.action.key;
  if (!key.if_not_exists || key.name.empty()) return false;
  return context.facts.index({context.relation().schema, key.name}).has_value();
}

bool is_refused(const Context& context) {
  return context.action.key.concurrently && context.relation().partitioned();
}

Text message(const Context& context) {
  if (is_refused(context)) {
    return concat({"CREATE INDEX CONCURRENTLY does not exist for partitioned tables, and ",
                   table_with_size(context), " is one"});
  }
  return concat({"CREATE INDEX takes SHARE on ", table_with_size(context),
                 " and builds an index; writes wait until it is done"});
}

Text why(const Context& context) {
  if (is_refused(context)) {
    return Text("But each partition can be indexed CONCURRENTLY, and its index then be attached to "
                "an empty one of the parent.");
  }
  return Text(
      context.relation().partitioned()
          ? "No row can be inserted, updated or deleted until all builds end. A partitioned table "
            "cannot be indexed CONCURRENTLY as a whole, but each partition can."
          : "No row can be inserted, updated or deleted until the build ends. CONCURRENTLY lets "
            "writes go on; it cannot run inside a transaction block, and a build that fails leaves "
            "an invalid index behind: drop it before the next try.");
}

constexpr std::uint64_t kMuchToSort = std::uint64_t(1024) * 1024 * 1024;
constexpr std::int64_t kLittleMemoryKb = 64 * 1024;

// What a build sorts beyond its memory goes to disk and back.
Text memory_text(const Context& context) {
  const std::int64_t memory = context.facts.maintenance_work_mem_kb();
  if (memory > kLittleMemoryKb || context.bytes_at_work() < kMuchToSort) return {};
  return concat({" maintenance_work_mem is ", core::pretty_bytes(std::uint64_t(memory) * 1024),
                 "; with more of it the build is faster."});
}

void check(const Context& context, Findings& findings) {
  const ddl::KeySpec& key = context.action.key;
  const bool online = key.concurrently && !is_refused(context);
  if (online || !context.work.index_build || is_small(context)) return;
  if (is_already_there(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.hopeless = is_refused(context);
  finding.message = message(context);
  finding.detail = concat({why(context), memory_text(context)});
  if (key.unique) finding.detail.append(duplicates_text(context));
  if (!key.tail.empty()) append_index_steps(context, index_of(key), finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule create_index_blocking;
constexpr Rule create_index_blocking = {
    kSlug,
    "indexes",
    Severity::kBlock,
    "Creating an index without CONCURRENTLY",
    "Takes SHARE and builds the index; INSERT, UPDATE and DELETE wait until it is done.",
    "On a large table the build takes minutes or hours, and no row can be inserted, updated or "
    "deleted meanwhile.",
    "CREATE INDEX CONCURRENTLY, outside a transaction block. On a partitioned table, where "
    "CONCURRENTLY is refused: "
    "CREATE INDEX ON ONLY the parent, CONCURRENTLY on each partition, then ALTER INDEX "
    "... ATTACH PARTITION.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "CREATE INDEX orders_total_idx ON orders (total);",
    "CREATE INDEX CONCURRENTLY orders_total_idx ON orders (total);",
    "0.1.0",
    ddl::Lock::kShare,
    "index build",
    {ddl::ActionKind::kCreateIndex},
    check,
};

}  // namespace db_guard::rules
