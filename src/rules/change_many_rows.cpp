#include <algorithm>

#include "rules/steps_batches.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "change-many-rows";

// No more than a batch would have.
constexpr double kFewRows = 5000;

// Without an estimate all rows count: what an earlier step of the script adds is NULL in all.
double rows_changed(const Context& context, const ddl::Size& size) {
  const double rows = context.facts.changed_rows(context.action);
  if (rows < 0) return size.rows;
  return size.rows < 0 ? rows : std::min(rows, size.rows);
}

std::uint64_t bytes_changed(const ddl::Size& size, double rows) {
  if (rows < 0 || size.rows <= 0) return size.bytes;
  return std::uint64_t(double(size.bytes) * (rows / size.rows));
}

void check(const Context& context, Findings& findings) {
  const ddl::Size size = context.size();
  if (is_small(context)) return;
  const double rows = rows_changed(context, size);
  if (rows >= 0 && rows <= kFewRows) return;
  const std::uint64_t bytes = bytes_changed(size, rows);
  if (bytes <= context.small_table_size) return;
  const bool deletes = context.action.kind == ddl::ActionKind::kDelete;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  if (rows >= 0) add_evidence(finding, "rows_changed", rows);
  finding.message =
      concat({deletes ? "this DELETE removes " : "this UPDATE writes ", core::pretty_rows(rows),
              " of ", table_with_size(context),
              " in one transaction; whoever changes one of them waits until it ends"});
  finding.detail = Text(
      "Every row stays locked until the commit, vacuum cannot clean up behind it, standbys get it "
      "all at once, and an error near the end undoes all of it. How many rows it is comes from the "
      "planner's estimate, or from the table's size.");
  append_batched_change(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule change_many_rows;
constexpr Rule change_many_rows = {
    kSlug,
    "maintenance",
    Severity::kBlock,
    "Updating or deleting many rows at once",
    "One statement changes more than db_guard.small_table_size of rows and more than a batch of "
    "5,000, by the planner's estimate. "
    "Only scripts are looked at: the guard does not see changes of data.",
    "The rows are locked until the transaction ends, so that everybody who changes one of them "
    "waits. An UPDATE leaves as many dead rows behind, which cannot be vacuumed before it ends, "
    "and "
    "replication falls behind.",
    "Change the rows in batches, each in a transaction of its own. To empty a table, TRUNCATE is "
    "brief.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders SELECT g, g "
    "FROM generate_series(1, 10000) g;\nANALYZE orders;",
    "UPDATE orders SET total = total * 1.19;",
    "UPDATE orders SET total = total * 1.19 WHERE id = 17;",
    "0.1.0",
    ddl::Lock::kRowExclusive,
    "scan",
    {ddl::ActionKind::kDelete, ddl::ActionKind::kUpdate},
    check,
};

}  // namespace db_guard::rules
