#include <algorithm>

#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "foreign-key-name";

bool is_surrogate(const ddl::TypeSpec& type) {
  return type.is("uuid") || type.is("int4") || type.is("int8");
}

bool says_what_it_is(std::string_view name) {
  constexpr std::string_view kEndings[] = {"by", "code", "fk", "id", "key", "no", "uuid"};
  const std::string_view word = last_word(name);
  return std::find(std::begin(kEndings), std::end(kEndings), word) != std::end(kEndings);
}

// "authorId" is a matter of another rule.
bool ends_in_camel_case_id(std::string_view name) {
  return name.size() > 2 && name.substr(name.size() - 2) == "Id";
}

bool is_named_otherwise(const Text& name, const ddl::ForeignKeySpec& key) {
  if (says_what_it_is(name) || ends_in_camel_case_id(name)) return false;
  return key.other_columns.empty() || key.other_columns.front() != name;
}

bool refers(const ddl::TableSpec& table, const ddl::ColumnSpec& column) {
  return std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                     [&](const ddl::ForeignKeySpec& key) {
                       return key.columns.size() == 1 && key.columns.front() == column.name.raw &&
                              is_named_otherwise(column.name.raw, key);
                     });
}

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, [&](const ddl::ColumnSpec& column) {
    return is_surrogate(column.type) && refers(review.declaration.table, column);
  });
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  const bool one = columns.size() == 1;
  finding.message =
      concat({subject_of(review, columns), one ? " refers" : " refer", " to another table, and ",
              one ? "its name does" : "their names do", " not end in _id"});
  finding.detail = Text(
      "People and tools tell by _id that a column holds the key of a row elsewhere, and not a name "
      "or a number.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule foreign_key_name;
constexpr Rule foreign_key_name = in_pack(
    {
        kSlug,
        "names",
        Severity::kNote,
        "A foreign key column without _id",
        "A column of type uuid, integer or bigint refers to another table, and its name does not "
        "end "
        "in _id.",
        "author says nothing about whether the column holds a name, a row or a number; author_id "
        "does, "
        "and tools that draw or guess relations go by it.",
        "A name that ends in _id. Names that end in _uuid, _key, _no, _code or _by (created_by) "
        "are "
        "left alone, and so is a column that has the name of what it refers to.",
        "CREATE TABLE users (id uuid PRIMARY KEY);",
        "CREATE TABLE entries (author uuid REFERENCES users);",
        "CREATE TABLE entries (author_id uuid REFERENCES users);",
        "0.1.0",
        ddl::Lock::kShareRowExclusive,
        "none",
    },
    {DeclarationKind::kNewColumn, DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
