#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "rounded-time";

bool applies(const ddl::ColumnSpec& column) {
  return (column.type.is("timestamptz") || column.type.is("timestamp")) &&
         column.type.modifier == 0;
}

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, applies);
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({subject_is(review, columns), " rounded to whole seconds"});
  finding.detail = Text("It rounds up as often as down, so that half of the entries lie in the "
                        "future by up to half a "
                        "second. date_trunc cuts where a query wants whole seconds.");
  offer_type(review, columns, "timestamptz", finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule rounded_time;
constexpr Rule rounded_time = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "Time rounded to seconds",
        "A column is declared timestamp(0) or timestamptz(0).",
        "The value is rounded, not cut: half of all entries lie up to half a second in the future, "
        "and "
        "orders that follow within a second can no longer be told apart.",
        "timestamptz as it is, and date_trunc where a query wants whole seconds.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "ALTER TABLE orders ADD COLUMN paid_at timestamptz(0);",
        "ALTER TABLE orders ADD COLUMN paid_at timestamptz;",
        "0.1.0",
        ddl::Lock::kAccessExclusive,
        "none",
    },
    kTypesWritten, review);

}  // namespace db_guard::rules
