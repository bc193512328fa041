#include "core/text.hpp"
#include "rules/review.hpp"
#include "core/sql_text.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "key-type";

bool wants_uuid(const Review& review) { return review.choices.key_type == KeyType::kUuid; }

std::string_view reason(const Review& review) {
  return wants_uuid(review)
             ? "Consecutive numbers can be guessed and counted from outside, and two databases "
               "give "
               "the "
               "same number to different rows."
             : "A uuid takes 8 bytes more than bigint, in the table and in every index on it, and "
               "random ones spread over the whole index.";
}

// Only where the rest of the column fits the other type: nothing but a number's own default.
void offer_key(const Review& review, const ddl::ColumnSpec& column, Finding& finding) {
  if (column.type.at < 0 || column.has_default) return;
  const std::string_view sql = review.text;
  const auto at = std::size_t(column.type.at);
  const bool to_uuid = wants_uuid(review);
  Vector<core::Edit> edits;
  edits.push_back(
      {at, core::end_of_type(sql, at),
       Text(to_uuid ? "uuid DEFAULT gen_random_uuid()" : "bigint GENERATED ALWAYS AS IDENTITY")});
  if (column.identity_at >= 0) {
    const auto identity = std::size_t(column.identity_at);
    edits.push_back({identity, core::skip_blanks(sql, core::end_of_identity(sql, identity)), {}});
  }
  offer(review, edits, finding);
}

void review(const Review& review, Findings& findings) {
  const ddl::ColumnSpec* column = own_key(review.declaration.table);
  if (column == nullptr || !wants_other_key(review, *column)) return;
  Finding finding = make_note(review, kSlug);
  finding.place.column = column->name.raw;
  finding.message =
      concat({"primary key ", column->name.quoted, " of ", review.object,
              wants_uuid(review) ? " is a number, not a uuid" : " is a uuid, not a bigint"});
  finding.detail =
      concat({"db_guard.key_type is ", wants_uuid(review) ? "uuid. " : "bigint. ", reason(review)});
  offer_key(review, *column, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule key_type;
constexpr Rule key_type = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "A primary key of another type than chosen",
        "By db_guard.key_type = uuid (the default) a table numbers its rows; by bigint it has a "
        "key of "
        "uuid. With any, nothing is said.",
        "Consecutive numbers tell outsiders how many rows there are and what the next one is "
        "called, "
        "and "
        "two databases give the same number to different rows. A uuid takes 8 bytes more in the "
        "table "
        "and in every index, and random ones spread over the whole index. Which of the two matters "
        "is "
        "a choice; that all tables make the same one is what this rule looks after.",
        "The type that db_guard.key_type names. From PostgreSQL 18 on, uuidv7() makes uuids that "
        "ascend in time. Keys that are foreign keys as well, keys of several columns, and numbers "
        "that "
        "mean something by themselves are left alone.",
        "",
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);",
        "CREATE TABLE orders (id uuid PRIMARY KEY DEFAULT gen_random_uuid());",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
