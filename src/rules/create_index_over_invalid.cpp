#include "rules/reached_tables.hpp"
#include "rules/steps_indexes.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "create-index-over-invalid";

// Of a partitioned table, an index that waits for those of its partitions is invalid as well.
std::optional<ddl::Index> invalid_namesake(const Context& context) {
  const ddl::KeySpec& key = context.action.key;
  if (!key.if_not_exists || key.name.empty()) return std::nullopt;
  auto index = context.facts.index({context.relation().schema, key.name});
  if (!index || index->valid || index->partitioned) return std::nullopt;
  return index;
}

void append_steps(const Context& context, const ddl::Index& index, Vector<Text>& steps) {
  const ddl::KeySpec& key = context.action.key;
  if (key.tail.empty() || context.relation().partitioned()) return;
  steps.push_back(concat({"DROP INDEX CONCURRENTLY ", index.display, ";"}));
  append_index_steps(context, index_of(key), steps);
}

void check(const Context& context, Findings& findings) {
  const auto index = invalid_namesake(context);
  if (!index) return;
  const bool building = may_be_building(context);
  Finding finding = make_finding(context, kSlug, building ? Severity::kWarn : Severity::kBlock);
  add_evidence(finding, "index", index->display);
  finding.message = concat({"index ", index->display, " of ", table_with_size(context),
                            " exists but is invalid, so IF NOT EXISTS would do nothing and leave "
                            "it that way"});
  finding.detail = Text(
      building ? "Another session works on the table and may still be building it: wait until that "
                 "is done, and look at pg_stat_progress_create_index."
               : "A CONCURRENTLY build has failed and left it behind. No query uses it, and every "
                 "write pays for it all the same.");
  if (context.action.key.unique) finding.detail.append(duplicates_text(context));
  if (!building) append_steps(context, *index, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule create_index_over_invalid;
constexpr Rule create_index_over_invalid = {
    kSlug,
    "indexes",
    Severity::kBlock,
    "IF NOT EXISTS over an invalid index",
    "An index of that name exists but is invalid. CREATE INDEX IF NOT EXISTS sees the name, does "
    "nothing and reports success. Where another session may still be building the index, this is a "
    "WARNING.",
    "The migration is green and the index serves no query. A unique index that is invalid may not "
    "even keep keys unique.",
    "DROP INDEX CONCURRENTLY the invalid one, then CREATE INDEX CONCURRENTLY.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, code text);\nINSERT INTO orders SELECT g, g FROM "
    "generate_series(1, 1000) g;\nCREATE INDEX orders_code_idx ON orders (code);\n-- As a "
    "CONCURRENTLY build that fails leaves it:\nUPDATE pg_index SET indisvalid = false WHERE "
    "indexrelid = 'orders_code_idx'::regclass;",
    "CREATE INDEX IF NOT EXISTS orders_code_idx ON orders (code);",
    "DROP INDEX CONCURRENTLY orders_code_idx;\nCREATE INDEX CONCURRENTLY orders_code_idx ON orders "
    "(code);",
    "0.1.0",
    ddl::Lock::kShare,
    "none",
    {ddl::ActionKind::kCreateIndex},
    check,
};

}  // namespace db_guard::rules
