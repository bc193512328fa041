#include "rules/steps.hpp"
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

OnlineIndex online_index(const ddl::KeySpec& key) {
  OnlineIndex index;
  index.name = key.name;
  index.definition = key.tail;
  index.part = name_part(key);
  index.unique = key.unique;
  index.if_not_exists = key.if_not_exists;
  return index;
}

void check(const Context& context, Findings& findings) {
  const ddl::KeySpec& key = context.action.key;
  // CONCURRENTLY on a partitioned table is refused by the server.
  if (key.concurrently || !context.work.index_build || is_small(context)) return;
  if (is_already_there(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.message = concat({"CREATE INDEX takes SHARE on ", table_with_size(context),
                            " and builds an index; writes wait until it is done"});
  finding.detail = Text(
      context.relation().partitioned()
          ? "No row can be inserted, updated or deleted until all builds end. A partitioned table "
            "cannot be indexed CONCURRENTLY as a whole, but each partition can."
          : "No row can be inserted, updated or deleted until the build ends. CONCURRENTLY lets "
            "writes go on; it cannot run inside a transaction block, and a build that fails leaves "
            "an invalid index behind: drop it before the next try.");
  if (key.unique) finding.detail.append(duplicates_text(context));
  if (!key.tail.empty()) append_index_steps(context, online_index(key), finding.safe_sql);
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
    "CREATE INDEX CONCURRENTLY, outside a transaction block. On a partitioned table: "
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
