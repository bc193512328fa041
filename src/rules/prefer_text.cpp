#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "prefer-text";

// Codes of countries, languages and currencies have a length by nature.
constexpr int kLongestCode = 3;

bool applies(const ddl::ColumnSpec& column) {
  return column.type.is("varchar") && column.type.modifier > kLongestCode;
}

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, applies);
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = columns.size() == 1
                        ? concat({subject_is(review, columns), " varchar(",
                                  core::number(columns.front()->type.modifier), "), not text"})
                        : concat({subject_is(review, columns), " varchar with a length, not text"});
  finding.detail = Text(
      "The limit saves neither space nor time, and to change it later takes ACCESS EXCLUSIVE. text "
      "is the same without it; where a length means something, a CHECK constraint can say so.");
  offer_type(review, columns, "text", finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule prefer_text;
constexpr Rule prefer_text = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "Text with a length limit",
        "A column is declared varchar(n) with n above 3.",
        "The limit saves no space and no time. The day it is too short, INSERT fails; to change it "
        "takes ACCESS EXCLUSIVE, and to make it shorter writes the table anew.",
        "text, and a CHECK constraint with a name where the length means something. Codes of up to "
        "three letters are left alone.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "ALTER TABLE orders ADD COLUMN note varchar(50);",
        "ALTER TABLE orders ADD COLUMN note text;",
        "0.1.0",
        ddl::Lock::kAccessExclusive,
        "none",
    },
    {DeclarationKind::kNewColumn, DeclarationKind::kColumnType, DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
