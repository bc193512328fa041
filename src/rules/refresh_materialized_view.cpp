#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "refresh-materialized-view";

void check(const Context& context, Findings& findings) {
  if (context.action.concurrently || is_small(context)) return;
  const ddl::MaterializedView view = context.facts.materialized_view(context.relation());
  // Nobody can read one that holds nothing yet.
  if (!view.populated) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.message =
      concat({"REFRESH takes ACCESS EXCLUSIVE on ", table_with_size(context),
              context.action.with_data ? " while its query runs; reads wait until it is done"
                                       : " and empties it; every query of it fails from then on"});
  finding.detail =
      Text(view.has_unique_index
               ? "CONCURRENTLY compares the new rows with the old ones and changes what differs; "
                 "reads go on beside it."
               : "CONCURRENTLY would let reads go on, and needs a unique index on plain columns, "
                 "without a predicate: there is none.");
  if (view.has_unique_index) {
    finding.safe_sql.push_back(
        concat({"REFRESH MATERIALIZED VIEW CONCURRENTLY ", context.relation().display, ";"}));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule refresh_materialized_view;
constexpr Rule refresh_materialized_view = {
    kSlug,
    "maintenance",
    Severity::kBlock,
    "Refreshing a materialized view without CONCURRENTLY",
    "ACCESS EXCLUSIVE is taken on the view before its query runs, and kept until the rows are "
    "written and the indexes are built. A view that holds nothing yet is left alone, and so are "
    "those up to db_guard.small_table_size.",
    "Every query of the view waits for as long as its own query takes.",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY, with a unique index on plain columns that covers all "
    "rows. It takes EXCLUSIVE, beside which reads go on.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 1000) g;\nCREATE MATERIALIZED VIEW totals AS SELECT id, total FROM "
    "orders;\nCREATE UNIQUE INDEX totals_id ON totals (id);",
    "REFRESH MATERIALIZED VIEW totals;",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kRefreshView},
    check,
};

}  // namespace db_guard::rules
