#include <algorithm>

#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "missing-standard-columns";

// What others call them, without capitals and underscores.
struct Synonym {
  std::string_view column;
  std::string_view other;
};
constexpr Synonym kSynonyms[] = {
    {"createdat", "created"},      {"createdat", "createdon"},   {"createdat", "createddate"},
    {"createdat", "createdate"},   {"createdat", "createtime"},  {"createdat", "creationdate"},
    {"createdat", "datecreated"},  {"createdat", "insertedat"},  {"createdby", "author"},
    {"createdby", "authorid"},     {"createdby", "createdbyid"}, {"createdby", "creator"},
    {"createdby", "creatorid"},    {"createdby", "insertedby"},  {"deletedat", "archivedat"},
    {"deletedat", "deleted"},      {"deletedat", "deletedon"},   {"deletedat", "discardedat"},
    {"deletedat", "isdeleted"},    {"updatedat", "changedat"},   {"updatedat", "datemodified"},
    {"updatedat", "lastmodified"}, {"updatedat", "lastupdated"}, {"updatedat", "modified"},
    {"updatedat", "modifiedat"},   {"updatedat", "modifiedon"},  {"updatedat", "updated"},
    {"updatedat", "updatedon"},    {"updatedat", "updatetime"},
};

Text bare(std::string_view name) {
  Text text;
  for (const char c : name) {
    if (c != '_') text.push_back(c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c);
  }
  return text;
}

// The usual name of a column, bare.
Text usual_name(std::string_view name) {
  Text bared = bare(name);
  for (const Synonym& synonym : kSynonyms) {
    if (synonym.other == bared) return Text(synonym.column);
  }
  return bared;
}

bool has(const Vector<Text>& names, const Text& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Vector<Text> missing_columns(const Review& review) {
  Vector<Text> names;
  names.reserve(review.declaration.table.columns.size());
  for (const ddl::ColumnSpec& column : review.declaration.table.columns) {
    names.push_back(usual_name(column.name.raw));
  }
  Vector<Text> missing;
  for (Text& wanted : core::split_list(review.choices.standard_columns)) {
    if (!has(names, usual_name(wanted))) missing.push_back(std::move(wanted));
  }
  return missing;
}

// Every column belongs to a key, and more than one to another table.
bool only_links(const ddl::TableSpec& table) {
  std::size_t links = 0;
  for (const ddl::ColumnSpec& column : table.columns) {
    const bool refers = std::any_of(
        table.foreign_keys.begin(), table.foreign_keys.end(),
        [&](const ddl::ForeignKeySpec& key) { return has(key.columns, column.name.raw); });
    if (refers) links++;
    if (!refers && !has(table.primary_key, column.name.raw)) return false;
  }
  return links > 1;
}

// Rows that are written once, by the table's name.
bool is_written_once(std::string_view name) {
  constexpr std::string_view kWords[] = {"audit", "history",  "log",
                                         "logs",  "metadata", "migrations"};
  const std::string_view word = last_word(name);
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

std::string_view definition_of(std::string_view column) {
  if (column == "created_at" || column == "updated_at") return "timestamptz NOT NULL DEFAULT now()";
  if (column == "deleted_at") return "timestamptz";
  if (column == "created_by") return "text NOT NULL DEFAULT CURRENT_USER";
  return {};
}

// Behind the last of the table's elements, one a line.
void offer_columns(const Review& review, const Vector<Text>& missing, Finding& finding) {
  const ddl::TableSpec& table = review.declaration.table;
  if (table.name.at < 0 || table.columns.empty()) return;
  Text added;
  for (const Text& column : missing) {
    if (definition_of(column).empty()) return;
    added.append(concat({",\n  ", column, " ", definition_of(column)}));
  }
  const std::size_t end = core::end_of_elements(review.text, std::size_t(table.name.at));
  if (end == std::string_view::npos) return;
  Vector<core::Edit> edits;
  edits.push_back({end, end, std::move(added)});
  offer(review, edits, finding);
}

void review(const Review& review, Findings& findings) {
  const ddl::TableSpec& table = review.declaration.table;
  if (table.unlogged || table.inherits || is_written_once(review.declaration.target.name)) return;
  if (only_links(table)) return;
  const Vector<Text> missing = missing_columns(review);
  if (missing.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message =
      concat({"table ", review.object, " has no ", missing.size() == 1 ? "column " : "columns ",
              core::list_of(missing, missing.size())});
  finding.detail = Text(
      "db_guard.standard_columns asks for them: who made or changed a row, and when, is asked only "
      "after something went wrong.");
  offer_columns(review, missing, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule missing_standard_columns;
constexpr Rule missing_standard_columns = in_pack(
    {
        kSlug,
        "structure",
        Severity::kNote,
        "A table without the standard columns",
        "CREATE TABLE lacks columns of db_guard.standard_columns: created_at, updated_at, "
        "deleted_at "
        "and created_by unless set.",
        "When and by whom a row was made and changed is asked only after something went wrong, and "
        "by "
        "then nobody can tell. A row that is marked as deleted can be brought back.",
        "Declare them. Other usual spellings count as well (createdAt, inserted_at, modified_on, "
        "archived_at, created_by_id). Tables that only link others, logs, histories, unlogged and "
        "inheriting tables are left alone; an empty db_guard.standard_columns asks for none.",
        "",
        "CREATE TABLE entries (id uuid PRIMARY KEY, note text);",
        "CREATE TABLE entries (id uuid PRIMARY KEY, note text,\n  created_at timestamptz NOT NULL "
        "DEFAULT now(),\n  updated_at timestamptz NOT NULL DEFAULT now(),\n  deleted_at "
        "timestamptz,\n "
        " created_by text NOT NULL DEFAULT CURRENT_USER);",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
