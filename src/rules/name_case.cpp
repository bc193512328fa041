#include <algorithm>

#include "core/sql_text.hpp"
#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "name-case";

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Letters beyond ASCII pass as they are: only the server knows which of them are capitals.
bool is_snake_case(std::string_view name) {
  if (name.empty() || is_digit(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_lower(c) || is_digit(c) || c == '_' || c == '$' || (c & 0x80) != 0;
  });
}

// The name as it was typed, where it was typed in camelCase without quotes.
std::string_view folded(std::string_view sql, const ddl::Identifier& name) {
  if (name.at < 0 || sql.substr(std::size_t(name.at), name.raw.size()) == name.raw) return {};
  const std::size_t at = core::last_part_of_name(sql, std::size_t(name.at));
  if (at == std::string_view::npos || sql[at] == '"') return {};
  const std::string_view typed = sql.substr(at, core::end_of_token(sql, at) - at);
  for (std::size_t i = 1; i < typed.size(); i++) {
    if (is_lower(typed[i - 1]) && is_upper(typed[i])) return typed;
  }
  return {};
}

struct Names {
  Vector<Text> quoted;  // that need quotes
  Vector<Text> folded;  // "createdAt (stored as createdat)"
};

void add(std::string_view sql, const ddl::Identifier& name, Names& names) {
  if (name.raw.empty()) return;
  const std::string_view typed = folded(sql, name);
  if (!is_snake_case(name.raw)) {
    names.quoted.push_back(name.quoted);
  } else if (!typed.empty()) {
    names.folded.push_back(concat({typed, " (stored as ", name.raw, ")"}));
  }
}

void report(const Review& review, const Vector<Text>& names, std::string_view one,
            std::string_view many, Findings& findings) {
  if (names.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({names.size() == 1 ? "the name " : "the names ", core::list_of(names, 5),
                            " in ", review.object, " ", names.size() == 1 ? one : many});
  finding.detail = Text(
      "In snake_case (lower-case letters, digits, underscores) a name is the same with and without "
      "quotes, in every query and tool.");
  findings.push_back(std::move(finding));
}

void review(const Review& review, Findings& findings) {
  Names names;
  add(review.text, review.declaration.table.name, names);
  for (const ddl::ColumnSpec& column : review.declaration.table.columns) {
    add(review.text, column.name, names);
  }
  report(review, names.quoted, "is found only in quotes, exactly as it is written here",
         "are found only in quotes, exactly as they are written here", findings);
  report(review, names.folded, "loses its capitals", "lose their capitals", findings);
}

}  // namespace

extern const Rule name_case;
constexpr Rule name_case = in_pack(
    {
        kSlug,
        "names",
        Severity::kNote,
        "A name that is not snake_case",
        "A table or column has a name with capitals, blanks or other signs in quotes, or is "
        "written in "
        "camelCase without quotes, which the server folds to lower case.",
        "A name with capitals is found only in quotes, exactly as it was typed, in every query, "
        "report "
        "and tool. Without quotes the capitals are gone: createdAt is stored as createdat.",
        "snake_case: lower-case letters, digits and underscores.",
        "",
        "CREATE TABLE orders (\"placedBy\" text);",
        "CREATE TABLE orders (placed_by text);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kNewColumn, DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
