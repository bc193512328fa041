#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "create-index-wide";

constexpr std::size_t kUsualColumns = 3;

void check(const Context& context, Findings& findings) {
  const ddl::KeySpec& key = context.action.key;
  // A unique index has the columns that its key has.
  if (key.unique || key.columns.size() <= kUsualColumns || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kNote);
  finding.message = concat({"the new index of ", table_with_size(context), " has ",
                            core::counted(key.columns.size(), "column", "columns"),
                            "; few queries profit from more than the first ",
                            core::number(std::int64_t(kUsualColumns))});
  finding.detail = Text(
      "A column behind one that is compared by range, or not at all, narrows the search no more. "
      "Columns that are only read belong into INCLUDE.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule create_index_wide;
constexpr Rule create_index_wide = {
    kSlug,
    "indexes",
    Severity::kNote,
    "An index with many columns",
    "An index that is not unique gets more than three key columns.",
    "It is larger and slower to keep, an UPDATE of any of its columns cannot be HOT, and only "
    "queries that compare all the leading columns for equality profit from the last ones.",
    "Put the most selective columns first and leave the others out, or INCLUDE those that are only "
    "read.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, a integer, b integer, c integer, d "
    "integer);\nINSERT INTO orders SELECT g, g, g, g, g FROM generate_series(1, 1000) g;",
    "CREATE INDEX CONCURRENTLY orders_wide_idx ON orders (a, b, c, d);",
    "CREATE INDEX CONCURRENTLY orders_narrow_idx ON orders (a, b) INCLUDE (c, d);",
    "0.1.0",
    ddl::Lock::kShareUpdateExclusive,
    "index build",
    {ddl::ActionKind::kCreateIndex},
    check,
};

}  // namespace db_guard::rules
