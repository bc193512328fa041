#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "money-type";

bool applies(const ddl::ColumnSpec& column) { return column.type.is("money"); }

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, applies);
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({subject_is(review, columns), " money, not numeric"});
  finding.detail =
      Text("Its currency is the lc_monetary of whoever reads it, and it keeps no fractions of the "
           "smallest unit. numeric keeps the number that was written.");
  offer_type(review, columns, "numeric", finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule money_type;
constexpr Rule money_type = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "The type money",
        "A column is declared money.",
        "The currency is that of lc_monetary of whoever reads: the same row is 5 dollars in one "
        "session and 5 euros in another. Fractions of the smallest unit are lost in every "
        "division.",
        "numeric, with the currency in a column of its own.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "ALTER TABLE orders ADD COLUMN total money;",
        "ALTER TABLE orders ADD COLUMN total numeric;",
        "0.1.0",
        ddl::Lock::kAccessExclusive,
        "none",
    },
    kTypesWritten, review);

}  // namespace db_guard::rules
