#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "time-with-zone";

bool applies(const ddl::ColumnSpec& column) { return column.type.is("timetz"); }

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, applies);
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message =
      concat({subject_is(review, columns), " time with time zone, which names no moment"});
  finding.detail = Text(
      "Without a date nobody can say whether summer time holds, so that it names neither a moment "
      "nor an hour of the clock. timestamptz does the one, time the other.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule time_with_zone;
constexpr Rule time_with_zone = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "Time of day with a time zone",
        "A column is declared time with time zone.",
        "A time of day has an offset, but without its date nobody can say whether summer time "
        "holds, "
        "so that it names no moment and no hour of the clock.",
        "timestamptz for a moment, time for an hour of the clock.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "ALTER TABLE orders ADD COLUMN due_at timetz;",
        "ALTER TABLE orders ADD COLUMN due_at timestamptz;",
        "0.1.0",
        ddl::Lock::kAccessExclusive,
        "none",
    },
    kTypesWritten, review);

}  // namespace db_guard::rules
