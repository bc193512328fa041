// Columns that a trigger computes, and columns whose values have to fit.
#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

Computation plan_computation(const Context& context, const ddl::Generation& generation) {
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  const Text column = facts.quote(context.action.column);
  Computation computation;
  computation.trigger = facts.quote(facts.free_name(relation, context.action.column, "compute"));
  computation.function = concat({facts.quote(relation.schema), ".", computation.trigger});
  append_sync_steps(context,
                    {column, column, generation.expression_of_new, false, generation.comparable,
                     computation.function, computation.trigger},
                    computation.create);
  return computation;
}

namespace {

void append_fit_steps(const Context& context, const ddl::TypeChange& change, bool found,
                      Vector<Text>& steps) {
  if (change.fits.empty()) return;
  // Who wants the values rounded gets them rounded.
  if (found && change.fit == ddl::Fit::kChanged) return;
  ddl::Facts& facts = context.facts;
  const Text alter = concat({"ALTER TABLE ", context.relation().display});
  const Text name = facts.quote(facts.free_name(context.relation(), context.action.column, "fits"));
  steps.push_back(
      concat({alter, " ADD CONSTRAINT ", name, " CHECK (", change.fits, ") NOT VALID;"}));
  steps.push_back(concat({alter, " VALIDATE CONSTRAINT ", name, ";"}));
}

}  // namespace

void add_type_change_way(const Context& context, const ddl::TypeChange& change, Finding& finding) {
  const bool may_fail = change.fit != ddl::Fit::kEvery;
  const bool may_look = may_fail && !context.size().assumed;
  const ddl::Misfits misfits = may_look ? context.misfits() : ddl::Misfits();
  const bool fails =
      !misfits.error.empty() || (!misfits.examples.empty() && change.fit == ddl::Fit::kSome);
  Vector<Text>& steps = finding.safe_sql;
  add_new_column_way(context, change, finding);
  if (steps.empty()) return;
  Vector<Text> all;
  append_fit_steps(context, change, fails || !misfits.examples.empty(), all);
  all.insert(all.end(), steps.begin(), steps.end());
  all.push_back(analyze_step(context));
  if (fails) all.front().insert(0, "-- change the values that do not fit, then:\n");
  steps = std::move(all);
}

Text analyze_step(const Context& context) {
  return concat({"ANALYZE ", context.relation().display, " (",
                 context.facts.quote(context.action.column), ");"});
}

}  // namespace db_guard::rules
