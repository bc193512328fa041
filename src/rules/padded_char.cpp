#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "padded-char";

// Codes of countries, languages and currencies fill their length.
constexpr int kLongestCode = 3;

bool applies(const ddl::ColumnSpec& column) {
  return column.type.is("bpchar") && column.type.modifier > kLongestCode;
}

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, applies);
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({subject_is(review, columns), " char(",
                            core::number(columns.front()->type.modifier), "), not text"});
  if (columns.size() > 1) {
    finding.message = concat({subject_is(review, columns), " char with a length, not text"});
  }
  finding.detail = Text(
      "Shorter values are filled up with blanks, which take room, come back in results, and count "
      "for nothing in comparisons. text keeps values as they are.");
  offer_type(review, columns, "text", finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule padded_char;
constexpr Rule padded_char = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "Text padded with blanks",
        "A column is declared char(n) with n above 3.",
        "Shorter values are filled up with blanks to n letters. They take that room, the blanks "
        "come "
        "back in results, and comparisons ignore them, unlike those of text.",
        "text, with a CHECK constraint on the length where it is fixed. Codes of up to three "
        "letters "
        "are left alone.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "ALTER TABLE orders ADD COLUMN code char(10);",
        "ALTER TABLE orders ADD COLUMN code text;",
        "0.1.0",
        ddl::Lock::kAccessExclusive,
        "none",
    },
    kTypesWritten, review);

}  // namespace db_guard::rules
