#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "rename-column";

void append_steps(const Context& context, const ddl::Column& column, Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  const Text from = facts.quote(column.name);
  const Text to = facts.quote(context.action.new_name);
  const Text name = facts.quote(facts.free_name(relation, context.action.new_name, "sync"));
  const Text function = concat({facts.quote(relation.schema), ".", name});
  steps.push_back(
      concat({"ALTER TABLE ", relation.display, " ADD COLUMN ", to, " ", column.type, ";"}));
  append_sync_steps(context, {from, to, {}, column.composite, column.comparable, function, name},
                    steps);
  steps.push_back(backfill_step(
      context, concat({to, " = ", from}),
      concat({is_null(to, column.composite), " AND ", is_not_null(from, column.composite)})));
  // New code must not scan where old code uses an index; these go with the column.
  ddl::Belongings belongings = facts.belongings(relation, column);
  for (ddl::Belongings::Key& key : belongings.keys) {
    key.unique = key.unique && key.deferral.empty();
  }
  append_like_indexes(context, belongings, column.name, context.action.new_name, steps);
  // The column itself stays, and with it all that hangs on it: views, keys, policies.
  steps.push_back(concat(
      {"-- deploy the code that uses ", comment_on_one_line(to), ", then:\n",
       allowed_step(
           "drop-column,rename-column",
           "all code uses the new name, and the column itself takes it",
           core::fill(
               "DROP TRIGGER {trigger} ON {table};\n"
               "ALTER TABLE {table} DROP COLUMN {to};\n"
               "ALTER TABLE {table} RENAME COLUMN {from} TO {to};",
               {{"trigger", name}, {"table", relation.display}, {"from", from}, {"to", to}}))}));
  steps.push_back(concat({"DROP FUNCTION ", function, "();"}));
}

void check(const Context& context, Findings& findings) {
  const auto& column = context.column();
  if (!column) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.place.column = column->name;
  finding.message = concat({"renaming column ", context.facts.quote(column->name), " of ",
                            subject(context), " to ", context.facts.quote(context.action.new_name),
                            " breaks every running statement that uses the old name"});
  finding.detail = dependents_text(context.facts.column_dependents(context.relation(), *column));
  if (context.relation().has_rows()) append_steps(context, *column, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule rename_column;
constexpr Rule rename_column = {
    kSlug,
    "renames",
    Severity::kBlock,
    "Renaming a column",
    "The old name is gone the moment the transaction commits. The lock (ACCESS "
    "EXCLUSIVE) is brief.",
    "Code that still uses the old name fails until it is changed, and no deployment changes all of "
    "its instances at the same instant. Views keep working, since they follow the column itself; "
    "functions whose body is text do not.",
    "Add a column with the new name, keep both equal with a trigger, backfill, deploy "
    "the code; then, in one short transaction, drop that column and rename the old one, with which "
    "its indexes, keys and views stay.",
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders "
    "SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders RENAME COLUMN total TO amount;",
    "ALTER TABLE orders ADD COLUMN amount numeric;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    {ddl::ActionKind::kRenameColumn},
    check,
};

}  // namespace db_guard::rules
