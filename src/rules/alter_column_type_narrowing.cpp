#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "alter-column-type-narrowing";
constexpr std::size_t kMostExamples = 3;

// What was found, or not, when the rows were looked at.
enum class Outcome : std::uint8_t { kAllFit, kChanged, kRefused, kUnknown };

Outcome outcome_of(const ddl::TypeChange& change, const ddl::Misfits& misfits) {
  if (!misfits.error.empty()) return Outcome::kRefused;
  if (!misfits.examples.empty()) {
    return change.fit == ddl::Fit::kChanged ? Outcome::kChanged : Outcome::kRefused;
  }
  return misfits.complete ? Outcome::kAllFit : Outcome::kUnknown;
}

Severity severity_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAllFit:
      return Severity::kNote;
    case Outcome::kUnknown:
      return Severity::kWarn;
    default:
      return Severity::kBlock;
  }
}

// Of a USING expression or a domain nothing can be said but what was found.
bool is_worth_a_word(const Context& context, const ddl::TypeChange& change, Outcome outcome) {
  if (outcome == Outcome::kChanged) return true;
  // The server refuses a small table at once, and says why.
  if (is_small(context)) return false;
  return outcome == Outcome::kRefused || !change.fits.empty();
}

Text consequence(Outcome outcome, ddl::Fit fit) {
  switch (outcome) {
    case Outcome::kAllFit:
      return Text(" and leaves less room for values to come");
    case Outcome::kChanged:
      return Text(" and changes values that do not fit, for good");
    case Outcome::kRefused:
      return Text(
          " and fails at the first value that does not fit; reads and writes wait until then");
    case Outcome::kUnknown:
      break;
  }
  return Text(fit == ddl::Fit::kChanged
                  ? " and changes values that do not fit, for good, where there are any"
                  : " and fails where a value does not fit; reads and writes wait until then");
}

// Sizes that come from elsewhere are of rows that are there.
ddl::Misfits look_for_misfits(const Context& context) {
  return context.size().assumed ? ddl::Misfits() : context.misfits();
}

Text what_was_found(const Context& context, Outcome outcome, const ddl::Misfits& misfits) {
  if (!misfits.error.empty()) return concat({"The server says: ", misfits.error, "."});
  switch (outcome) {
    case Outcome::kAllFit:
      return Text("Every value of now fits. Code that writes larger ones is refused from then on.");
    case Outcome::kUnknown:
      if (context.size().assumed) return Text("The rows are not here to be looked at.");
      return Text(misfits.searched
                      ? "No value that does not fit was found in the time allowed for looking; "
                        "that proves nothing."
                      : "The rows could not be looked at without waiting.");
    case Outcome::kChanged:
      return concat({"For example ", core::list_of(misfits.examples, kMostExamples), "."});
    default:
      return concat(
          {"Of those that do not fit: ", core::list_of(misfits.examples, kMostExamples), "."});
  }
}

void check(const Context& context, Findings& findings) {
  if (!context.column() || context.size().bytes == 0) return;
  const ddl::TypeChange& change = context.type_change();
  if (change.refused || change.fit == ddl::Fit::kEvery) return;
  const ddl::Misfits misfits = look_for_misfits(context);
  const Outcome outcome = outcome_of(change, misfits);
  if (!is_worth_a_word(context, change, outcome)) return;
  Finding finding = make_finding(context, kSlug, severity_of(outcome));
  finding.place.column = context.action.column;
  finding.message = concat({type_change_words(context, change), consequence(outcome, change.fit)});
  finding.detail = what_was_found(context, outcome, misfits);
  if (!is_small(context)) add_type_change_way(context, change, finding);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule alter_column_type_narrowing;
constexpr Rule alter_column_type_narrowing = {
    kSlug,
    "types",
    Severity::kBlock,
    "Changing a column to a narrower type",
    "Values that the new type has no place for make the server stop with an error, under ACCESS "
    "EXCLUSIVE and after any number of rows; or they are rounded without a word (numeric and "
    "timestamps with fewer decimals, integers in place of fractions, dates in place of moments). "
    "The rows are looked at for half a second at most: an error when such values were found, a "
    "WARNING when the time did not suffice, a note when all fit.",
    "What is rounded does not come back by changing the type again. What fails, fails after "
    "everybody has waited.",
    "Look for the values first and decide about them. A CHECK constraint that says what fits, "
    "added NOT VALID and validated, proves that no other is there and that none comes.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,4));\nINSERT INTO orders SELECT "
    "g, g / 8.0 FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN total TYPE numeric(12,2);",
    "ALTER TABLE orders ADD CONSTRAINT total_in_eighths CHECK (total * 8 = round(total * 8)) NOT "
    "VALID;\nALTER TABLE orders VALIDATE CONSTRAINT total_in_eighths;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kSetColumnType},
    check,
};

}  // namespace db_guard::rules
