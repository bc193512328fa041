#include "core/english.hpp"
#include "core/sql_text.hpp"
#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "table-name-number";

// The name in the other number, where its last word has one that is known.
Text other_number(const Review& review) {
  const std::string_view name = review.declaration.target.name;
  const std::string_view word = last_word(name);
  const std::string_view before = name.substr(0, name.size() - word.size());
  Text other;
  if (review.choices.table_names == TableNames::kPlural) other = core::plural_of(word);
  if (review.choices.table_names == TableNames::kSingular) other = core::singular_of(word);
  return other.empty() ? other : concat({before, other});
}

// Nothing else in the statement names the table but a key to itself.
void offer_name(const Review& review, const Text& other, Finding& finding) {
  const ddl::TableSpec& table = review.declaration.table;
  const std::string_view sql = review.text;
  if (table.name.at < 0 || !table.foreign_keys.empty()) return;
  const std::size_t at = core::last_part_of_name(sql, std::size_t(table.name.at));
  if (at == std::string_view::npos || sql[at] == '"') return;
  Vector<core::Edit> edits;
  edits.push_back({at, core::end_of_token(sql, at), other});
  offer(review, edits, finding);
}

void review(const Review& review, Findings& findings) {
  const Text other = other_number(review);
  if (other.empty()) return;
  const bool plural = review.choices.table_names == TableNames::kPlural;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({"table ", review.object, " has a name in the ",
                            plural ? "singular" : "plural", ", not ", other});
  finding.detail = concat({"db_guard.table_names is ", plural ? "plural" : "singular",
                           ": where all tables keep to one of the two, nobody has to look up how "
                           "one is spelled."});
  offer_name(review, other, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule table_name_number;
constexpr Rule table_name_number = in_pack(
    {
        kSlug,
        "names",
        Severity::kNote,
        "A table name in the other number",
        "By db_guard.table_names = plural (the default) a table has a name in the singular; by "
        "singular, in the plural. With any, nothing is said.",
        "Where some tables are called order and others customers, nobody can tell how a table is "
        "spelled without looking it up.",
        "The number that db_guard.table_names says. Only English nouns that are surely known are "
        "judged, by the last word of the name: news, data, status and words of other languages "
        "pass.",
        "",
        "CREATE TABLE customer (name text);",
        "CREATE TABLE customers (name text);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
