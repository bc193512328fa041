#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "alter-column-type-check";

void append_steps(const Context& context, const ddl::TypeChange& change, Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const Text& table = context.relation().display;
  for (const Text& name : change.checked) {
    steps.push_back(concat({"ALTER TABLE ", table, " DROP CONSTRAINT ", facts.quote(name), ";"}));
  }
  steps.push_back(concat({"ALTER TABLE ", table, " ALTER COLUMN ",
                          facts.quote(context.action.column), " TYPE ", change.new_type, ";"}));
  steps.push_back(analyze_step(context));
  for (const Text& definition : change.check_definitions) {
    steps.push_back(concat({"ALTER TABLE ", table, " ADD CONSTRAINT ", definition, " NOT VALID;"}));
  }
  for (const Text& name : change.checked) {
    steps.push_back(
        concat({"ALTER TABLE ", table, " VALIDATE CONSTRAINT ", facts.quote(name), ";"}));
  }
}

void check(const Context& context, Findings& findings) {
  if (!context.work.scan) return;
  if (is_small(context)) return;
  const ddl::TypeChange& change = context.type_change();
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = context.action.column;
  finding.message = concat({type_change_words(context, change),
                            " and scans every row; reads and writes wait until it is done"});
  finding.detail = concat({"The rows stay as they are, but CHECK constraints on the column are "
                           "verified again: ",
                           core::list_of(change.checked, 5), "."});
  const bool printed = change.check_definitions.size() == change.checked.size();
  // Where indexes are built anew as well, these steps would build them under the lock.
  if (printed && change.rebuilt_indexes.empty()) append_steps(context, change, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule alter_column_type_check;
constexpr Rule alter_column_type_check = {
    kSlug,
    "types",
    Severity::kBlock,
    "Changing the type of a column with CHECK constraints",
    "Takes ACCESS EXCLUSIVE and verifies every row against the CHECK constraints that "
    "use the column, even where the stored form stays the same.",
    "Reads and writes wait for the scan.",
    "Drop the constraints, change the type, add them again NOT VALID, then validate them.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, code varchar(20), CONSTRAINT "
    "code_filled CHECK (code <> ''));\nINSERT INTO orders SELECT g, g FROM "
    "generate_series(1, 1000) g;",
    "ALTER TABLE orders ALTER COLUMN code TYPE text;",
    "ALTER TABLE orders ADD COLUMN code_new text;\nALTER TABLE orders ADD CONSTRAINT "
    "code_new_filled CHECK (code_new <> '') NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT "
    "code_new_filled;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "scan",
    {ddl::ActionKind::kSetColumnType},
    check,
};

}  // namespace db_guard::rules
