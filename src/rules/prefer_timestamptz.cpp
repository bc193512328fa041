#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "prefer-timestamptz";

// Opening hours and the like are local by intent.
bool is_local(const Text& name) { return name.find("local") != Text::npos; }

bool applies(const ddl::ColumnSpec& column) {
  return column.type.is("timestamp") && !is_local(column.name.raw);
}

// Whole seconds are the business of another rule, and neither is to leave work to the other.
Text new_type(const ddl::ColumnSpec& column) {
  if (column.type.modifier <= 0) return Text("timestamptz");
  return concat({"timestamptz(", core::number(column.type.modifier), ")"});
}

void review(const Review& review, Findings& findings) {
  const Columns columns = columns_where(review, applies);
  if (columns.empty()) return;
  Finding finding = make_note(review, kSlug);
  finding.message =
      concat({subject_is(review, columns), " timestamp without time zone, not timestamptz"});
  finding.detail = Text(
      "It keeps what a clock showed, and sessions in other time zones read other moments out of "
      "it. timestamptz keeps the moment in the same 8 bytes.");
  if (declares_new(review)) {
    offer_types(review, columns, new_type, finding);
  }
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule prefer_timestamptz;
constexpr Rule prefer_timestamptz = in_pack(
    {
        kSlug,
        "data-types",
        Severity::kNote,
        "Time without a time zone",
        "A column is declared timestamp without time zone.",
        "Such a value is what a clock showed somewhere. Sessions with other time zones write and "
        "read "
        "other moments through it, and the hour that comes twice in autumn cannot be told apart.",
        "timestamptz: it keeps the moment, in the same 8 bytes, and shows it in the time zone of "
        "whoever asks. Local times that are meant as such (a column with \"local\" in its name) "
        "are "
        "left alone.",
        "CREATE TABLE orders (id uuid PRIMARY KEY);",
        "ALTER TABLE orders ADD COLUMN placed_at timestamp;",
        "ALTER TABLE orders ADD COLUMN placed_at timestamptz;",
        "0.1.0",
        ddl::Lock::kAccessExclusive,
        "none",
    },
    kTypesWritten, review);

}  // namespace db_guard::rules
