// A change of type without a long lock: a column of the new type is filled, gets what the old one
// has, and takes its name.
#include <algorithm>

#include "core/column_text.hpp"
#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

// The column, its successor, and what is named after them.
struct Swap {
  const Context& context;
  const ddl::Column& column;
  const ddl::Belongings& belongings;
  Text fresh;  // raw
  Text from;   // quoted, as are those below
  Text to;
  Text old;
  Text trigger;
  Text function;
  Vector<Text> indexes;      // raw, like belongings.keys
  Vector<Text> constraints;  // raw, like belongings.constraints
  Vector<Text> references;   // raw, like belongings.references

  [[nodiscard]] const Text& table() const { return context.relation().display; }
  [[nodiscard]] ddl::Facts& facts() const { return context.facts; }
};

Swap plan_swap(const Context& context, const ddl::Belongings& belongings) {
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  const ddl::Column& column = *context.column();
  Swap swap{context, column, belongings, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  swap.fresh = facts.free_column_name(relation, column.name, "new");
  swap.from = facts.quote(column.name);
  swap.to = facts.quote(swap.fresh);
  swap.old = facts.quote(facts.free_column_name(relation, column.name, "old"));
  swap.trigger = facts.quote(facts.free_name(relation, column.name, "sync"));
  swap.function = concat({facts.quote(relation.schema), ".", swap.trigger});
  return swap;
}

void append_filled_column(const Swap& swap, const ddl::TypeChange& change, Vector<Text>& steps) {
  const Context& context = swap.context;
  const bool composite = swap.column.composite || change.composite;
  steps.push_back(
      concat({"ALTER TABLE ", swap.table(), " ADD COLUMN ", swap.to, " ", change.new_type, ";"}));
  append_sync_steps(
      context,
      {swap.from, swap.to, change.conversion_of_new, composite, true, swap.function, swap.trigger},
      steps);
  steps.push_back(
      backfill_step(context, concat({swap.to, " = ", change.conversion}),
                    concat({is_null(swap.to, composite), " AND ",
                            is_not_null(concat({"(", change.conversion, ")"}), composite)})));
  if (swap.column.not_null) append_not_null_steps(context, swap.fresh, steps);
}

// NOT VALID, which is brief, then validated under a lock that lets writes pass.
void append_constraint(const Text& table, std::string_view name, std::string_view definition,
                       bool validated, Vector<Text>& steps) {
  steps.push_back(
      concat({"ALTER TABLE ", table, " ADD CONSTRAINT ", name, " ", definition, " NOT VALID;"}));
  if (!validated) return;
  steps.push_back(concat({"ALTER TABLE ", table, " VALIDATE CONSTRAINT ", name, ";"}));
}

void append_like_constraints(Swap& swap, Vector<Text>& steps) {
  ddl::Facts& facts = swap.facts();
  for (const ddl::Belongings::Constraint& constraint : swap.belongings.constraints) {
    const bool check = constraint.definition.compare(0, 5, "CHECK") == 0;
    const ddl::Relation& relation = swap.context.relation();
    swap.constraints.push_back(facts.free_name(relation, swap.fresh, check ? "check" : "fkey"));
    append_constraint(swap.table(), facts.quote(swap.constraints.back()),
                      core::replace_column(constraint.definition, swap.from, swap.to),
                      constraint.validated, steps);
  }
  for (const auto& [table, key] : swap.belongings.references) {
    swap.references.push_back(facts.free_name(table, swap.fresh, "fkey"));
    append_constraint(table.display, facts.quote(swap.references.back()),
                      core::replace_referenced_column(key.definition, swap.from, swap.to),
                      key.validated, steps);
  }
}

// Before the key goes that they rely on.
Text reference_statements(const Swap& swap) {
  Text sql;
  for (std::size_t i = 0; i < swap.references.size(); i++) {
    const auto& [table, key] = swap.belongings.references[i];
    const Text name = swap.facts().quote(key.name);
    sql.append(concat({"\nALTER TABLE ", table.display, " DROP CONSTRAINT ", name,
                       ";\nALTER TABLE ", table.display, " RENAME CONSTRAINT ",
                       swap.facts().quote(swap.references[i]), " TO ", name, ";"}));
  }
  return sql;
}

// What needs no more than the catalog, in the transaction that swaps the names: nobody sees the
// column without its default or its grants.
Text swap_statements(const Swap& swap) {
  Text sql = core::fill("DROP TRIGGER {trigger} ON {table};\n"
                        "ALTER TABLE {table} RENAME COLUMN {from} TO {old};\n"
                        "ALTER TABLE {table} RENAME COLUMN {to} TO {from};",
                        {{"trigger", swap.trigger},
                         {"table", swap.table()},
                         {"from", swap.from},
                         {"old", swap.old},
                         {"to", swap.to}});
  for (const Text& property : swap.belongings.properties) sql.append(concat({"\n", property}));
  sql.append(reference_statements(swap));
  for (std::size_t i = 0; i < swap.indexes.size(); i++) {
    const ddl::Belongings::Key& key = swap.belongings.keys[i];
    if (key.constraint.empty()) continue;
    const Text name = swap.facts().quote(key.name);
    sql.append(concat({"\nALTER TABLE ", swap.table(), " DROP CONSTRAINT ", name,
                       ",\n  ADD CONSTRAINT ", name, " ", key.constraint, " USING INDEX ",
                       swap.facts().quote(swap.indexes[i]), key.deferral, ";"}));
  }
  return sql;
}

// The names are free when the old column has taken its indexes and constraints with it.
void append_renames(const Swap& swap, Vector<Text>& steps) {
  ddl::Facts& facts = swap.facts();
  const Text schema = facts.quote(swap.context.relation().schema);
  for (std::size_t i = 0; i < swap.indexes.size(); i++) {
    const ddl::Belongings::Key& key = swap.belongings.keys[i];
    if (!key.constraint.empty()) continue;
    steps.push_back(concat({"ALTER INDEX ", schema, ".", facts.quote(swap.indexes[i]),
                            " RENAME TO ", facts.quote(key.name), ";"}));
  }
  for (std::size_t i = 0; i < swap.constraints.size(); i++) {
    steps.push_back(concat({"ALTER TABLE ", swap.table(), " RENAME CONSTRAINT ",
                            facts.quote(swap.constraints[i]), " TO ",
                            facts.quote(swap.belongings.constraints[i].name), ";"}));
  }
}

}  // namespace

Vector<Text> append_like_indexes(const Context& context, const ddl::Belongings& belongings,
                                 std::string_view from, std::string_view to, Vector<Text>& steps) {
  Vector<Text> names;
  for (const ddl::Belongings::Key& key : belongings.keys) {
    OnlineIndex index;
    index.part = to;
    index.name = context.facts.free_name(context.relation(), to, index.label);
    index.definition =
        core::replace_column(key.definition, context.facts.quote(from), context.facts.quote(to));
    index.unique = key.unique;
    append_index_steps(context, index, steps);
    names.push_back(std::move(index.name));
  }
  return names;
}

void add_new_column_way(const Context& context, const ddl::TypeChange& change, Finding& finding) {
  if (change.conversion.empty() || !context.column()) return;
  const ddl::Belongings belongings =
      context.facts.belongings(context.relation(), *context.column());
  if (!belongings.known) return;
  if (!belongings.obstacle.empty()) {
    finding.detail.append(
        concat({" No other column can simply take its place: ", belongings.obstacle, "."}));
    return;
  }
  Vector<Text>& steps = finding.safe_sql;
  Swap swap = plan_swap(context, belongings);
  append_filled_column(swap, change, steps);
  swap.indexes = append_like_indexes(context, belongings, swap.column.name, swap.fresh, steps);
  append_like_constraints(swap, steps);
  // A key that another one takes over from has other columns until the names are swapped.
  const bool swaps_keys = std::any_of(belongings.keys.begin(), belongings.keys.end(),
                                      [](const auto& key) { return !key.constraint.empty(); });
  steps.push_back(allowed_step(swaps_keys ? "rename-column,drop-key-constraint" : "rename-column",
                               "the column of the new type takes over", swap_statements(swap)));
  steps.push_back(concat({"DROP FUNCTION ", swap.function, "();"}));
  steps.push_back(
      allowed_step("drop-column", "replaced by the column of the new type",
                   concat({"ALTER TABLE ", swap.table(), " DROP COLUMN ", swap.old, ";"})));
  append_renames(swap, steps);
  for (const Text& statement : belongings.statistics) steps.push_back(statement);
}

}  // namespace db_guard::rules
