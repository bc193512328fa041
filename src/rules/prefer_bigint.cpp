#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "prefer-bigint";

bool is_short(const ddl::TypeSpec& type) {
  return type.is("int4") || type.is("serial") || type.is("serial4");
}

// A number that means something by itself, as a year does, does not count on.
bool counts_on(const Review& review, const ddl::ColumnSpec& column) {
  return column.numbered ||
         (column.name.raw == "id" && own_key(review.declaration.table) == &column);
}

Text new_type(const ddl::ColumnSpec& column) {
  return Text(column.type.is("int4") ? "bigint" : "bigserial");
}

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, [&](const ddl::ColumnSpec& column) {
    return is_short(column.type) && counts_on(review, column) && !wants_other_key(review, column);
  });
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat(
      {subject_is(review, columns), " numbered within integer, which ends at 2,147,483,647"});
  finding.detail = Text(
      review.declaration.kind == DeclarationKind::kSequence
          ? "nextval fails after that."
          : "The INSERT after that fails, and changing the type then writes the table anew under "
            "ACCESS EXCLUSIVE.");
  if (has_no_rows(review)) offer_types(review, columns, new_type, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule prefer_bigint;
constexpr Rule prefer_bigint = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "Numbering within four bytes",
        "A key or a numbered column (serial, identity, nextval) is declared integer, or a sequence "
        "AS "
        "integer.",
        "It ends at 2,147,483,647. The next INSERT fails, and changing the type then writes the "
        "whole "
        "table anew under ACCESS EXCLUSIVE.",
        "bigint from the start: 4 bytes a row more, and often none, since columns are aligned. "
        "smallint, where it is chosen, is left alone.",
        "",
        "CREATE TABLE entries (position integer GENERATED ALWAYS AS IDENTITY);",
        "CREATE TABLE entries (position bigint GENERATED ALWAYS AS IDENTITY);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kNewColumn, DeclarationKind::kTable, DeclarationKind::kSequence}, review);

}  // namespace db_guard::rules
