#include "rules/review.hpp"

#include <algorithm>

#include "core/sql_text.hpp"
#include "core/text.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::size_t kMostColumns = 5;

Text names_of(const Columns& columns) {
  Vector<Text> names;
  for (const ddl::ColumnSpec* column : columns) names.push_back(column->name.quoted);
  return core::list_of(names, kMostColumns);
}

}  // namespace

Finding make_note(const Review& review, std::string_view rule) {
  Finding finding;
  finding.rule = rule;
  finding.severity = Severity::kNote;
  finding.object = review.object;
  finding.place.schema = review.schema;
  finding.place.table = review.table;
  return finding;
}

Text subject_of(const Review& review, const Columns& columns) {
  const ddl::DeclarationKind kind = review.declaration.kind;
  if (kind == ddl::DeclarationKind::kDomain) return concat({"domain ", review.object});
  if (kind == ddl::DeclarationKind::kSequence) return concat({"sequence ", review.object});
  return concat(
      {columns.size() == 1 ? "column " : "columns ", names_of(columns), " of ", review.object});
}

Text subject_is(const Review& review, const Columns& columns) {
  return concat({subject_of(review, columns), columns.size() == 1 ? " is" : " are"});
}

void offer(const Review& review, const Vector<core::Edit>& edits, Finding& finding) {
  if (review.text.empty()) return;
  const Text text = core::edited(review.text, edits);
  finding.safe_sql.push_back(concat({core::trim_statement(text), ";"}));
}

void offer_type(const Review& review, const Columns& columns, std::string_view type,
                Finding& finding) {
  if (!declares_new(review)) return;
  offer_types(
      review, columns, [&](const ddl::ColumnSpec&) { return Text(type); }, finding);
}

std::string_view last_word(std::string_view name) {
  const auto mark = name.rfind('_');
  return mark == std::string_view::npos ? name : name.substr(mark + 1);
}

const ddl::ColumnSpec* own_key(const ddl::TableSpec& table) {
  if (table.primary_key.size() != 1) return nullptr;
  const Text& name = table.primary_key.front();
  for (const ddl::ForeignKeySpec& key : table.foreign_keys) {
    if (key.columns.size() == 1 && key.columns.front() == name) return nullptr;
  }
  for (const ddl::ColumnSpec& column : table.columns) {
    if (column.name.raw == name) return &column;
  }
  return nullptr;
}

namespace {

bool is_integer(const ddl::TypeSpec& type) {
  return type.is("int4") || type.is("int8") || type.is("int2") ||
         (type.builtin && type.name.find("serial") != Text::npos);
}

}  // namespace

bool wants_other_key(const Review& review, const ddl::ColumnSpec& column) {
  if (own_key(review.declaration.table) != &column) return false;
  switch (review.choices.key_type) {
    case KeyType::kUuid:
      // A number that means something, as a year does, is no substitute for a uuid.
      return is_integer(column.type) && (column.numbered || column.name.raw == "id");
    case KeyType::kBigint:
      return column.type.is("uuid");
    case KeyType::kAny:
      break;
  }
  return false;
}

}  // namespace db_guard::rules
