#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "name-reserved";

void review(const Review& review, Findings& findings) {
  Vector<Text> names;
  const ddl::TableSpec& table = review.declaration.table;
  if (table.name.reserved) names.push_back(table.name.quoted);
  for (const ddl::ColumnSpec& column : table.columns) {
    if (column.name.reserved) names.push_back(column.name.quoted);
  }
  if (names.empty()) return;
  Finding finding = make_note(review, kSlug);
  const bool one = names.size() == 1;
  finding.message =
      concat({one ? "the name " : "the names ", core::list_of(names, 5), " in ", review.object,
              one ? " is a reserved word of SQL" : " are reserved words of SQL"});
  finding.detail = Text(
      "Without quotes such a name is a syntax error, or another thing: SELECT user is the current "
      "role, not the column.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule name_reserved;
constexpr Rule name_reserved = in_pack(
    {
        kSlug,
        "names",
        Severity::kNote,
        "A keyword as a name",
        "A table or column is named with a reserved word of SQL, in quotes.",
        "Without quotes the name is a syntax error, or worse another thing: SELECT user is the "
        "current "
        "role, not the column.",
        "Another name: users, position, sort_order.",
        "",
        "CREATE TABLE entries (\"order\" bigint);",
        "CREATE TABLE entries (sort_order bigint);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kNewColumn, DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
