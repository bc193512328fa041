#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "prefer-jsonb";

bool applies(const ddl::ColumnSpec& column) { return column.type.is("json"); }

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, applies);
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({subject_is(review, columns), " json, not jsonb"});
  finding.detail = Text(
      "It has no equality, so that DISTINCT, GROUP BY and UNION fail, and no index over what is in "
      "it. jsonb has both, and is parsed once.");
  offer_type(review, columns, "jsonb", finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule prefer_jsonb;
constexpr Rule prefer_jsonb = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "json instead of jsonb",
        "A column is declared json.",
        "json keeps the text as it came: DISTINCT, GROUP BY and UNION over it fail for want of an "
        "equality operator, no GIN index helps to search it, and every access parses it again.",
        "jsonb. It drops blanks, the order of keys and all but the last of equal keys; where "
        "exactly "
        "these matter, json is right and this note is to be allowed.",
        "",
        "CREATE TABLE entries (extra json);",
        "CREATE TABLE entries (extra jsonb);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kColumnType, DeclarationKind::kTable, DeclarationKind::kDomain}, review);

}  // namespace db_guard::rules
