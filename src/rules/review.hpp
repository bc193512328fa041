// What the rules of the packs share. They look at one declaration as it is written and ask nobody
// anything, so that they cost next to nothing: most statements that they look at are harmless.
#pragma once

#include "core/sql_declaration.hpp"
#include "rules/choices.hpp"
#include "rules/rule.hpp"

namespace db_guard::rules {

struct Review {
  const ddl::Declarations& declarations;
  const ddl::Declaration& declaration;  // one of them
  const Choices& choices;
  std::string_view text;    // of the statement; empty where it is not known
  std::string_view object;  // what the declaration is about, as SQL
  std::string_view schema;  // raw
  std::string_view table;   // raw; empty where it is about none
};

// A rule that does nothing but review.
constexpr Rule in_pack(Rule rule, ddl::DeclarationSet declares,
                       void (*review)(const Review& review, Findings& findings)) {
  rule.declares = declares;
  rule.review = review;
  return rule;
}

// A note on the review's object.
Finding make_note(const Review& review, std::string_view rule);

using Columns = Vector<const ddl::ColumnSpec*>;

// The declared columns of which `applies` is true.
template <class Applies>
Columns columns_where(const Review& review, Applies&& applies) {
  Columns columns;
  for (const ddl::ColumnSpec& column : review.declaration.table.columns) {
    if (applies(column)) columns.push_back(&column);
  }
  return columns;
}

// "column a of orders", "columns a, b of orders", "domain d", "sequence s".
Text subject_of(const Review& review, const Columns& columns);
// The same with "is" or "are".
Text subject_is(const Review& review, const Columns& columns);

// The statement with `edits` made, as the one step of the finding; nothing where its text is not
// known.
void offer(const Review& review, const Vector<core::Edit>& edits, Finding& finding);

// Whether the column is new. An old one has values, and another type than the one that was asked
// for would make other values of them, or take longer to.
inline bool declares_new(const Review& review) {
  return review.declaration.kind != ddl::DeclarationKind::kColumnType;
}

// Wherever the type of a column, or of a domain, is written.
inline constexpr ddl::DeclarationSet kTypesWritten = {
    ddl::DeclarationKind::kNewColumn, ddl::DeclarationKind::kColumnType,
    ddl::DeclarationKind::kTable, ddl::DeclarationKind::kDomain};

// Whether the table is new, too: numbers for the rows of an old one write it anew, however they are
// declared.
inline bool has_no_rows(const Review& review) {
  return !ddl::has_existing_table(review.declaration.kind);
}

// Offers the statement with another type for each of the columns.
template <class NewType>
void offer_types(const Review& review, const Columns& columns, NewType&& new_type,
                 Finding& finding) {
  Vector<core::Edit> edits;
  for (const ddl::ColumnSpec* column : columns) {
    if (column->type.at < 0) return;
    const auto at = std::size_t(column->type.at);
    edits.push_back({at, core::end_of_type(review.text, at), new_type(*column)});
  }
  offer(review, edits, finding);
}

// The same with one type for all of them, where they are new.
void offer_type(const Review& review, const Columns& columns, std::string_view type,
                Finding& finding);

// The last of the words that "_" separates: "price" of "unit_price".
std::string_view last_word(std::string_view name);

// The column that is the whole primary key and stands for its row alone: not one that is also a
// foreign key. Null where there is none.
const ddl::ColumnSpec* own_key(const ddl::TableSpec& table);

// Whether the chosen type of keys is another one than the column's.
bool wants_other_key(const Review& review, const ddl::ColumnSpec& column);

}  // namespace db_guard::rules
