// ADD COLUMN without long work: what needs the rows is put off until the column is there.
#include <algorithm>

#include "core/sql_text.hpp"
#include "rules/steps_column.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::ColumnPart;
using ddl::PartKind;

namespace {

constexpr std::string_view kDeploy =
    "-- deploy the code that writes it, fill the old rows in batches, then:\n";

// How the parts of the definition are brought.
struct Addition {
  const Context& context;
  const ddl::NewColumn& added;
  Text column;  // quoted
  Text alter;   // "ALTER TABLE public.orders"
  bool default_at_once = false;
  bool references_at_once = false;
};

bool has_part(const Context& context, PartKind kind) {
  const auto& parts = context.action.parts;
  return std::any_of(parts.begin(), parts.end(),
                     [&](const ColumnPart& part) { return part.kind == kind; });
}

// A foreign key of a partitioned table could not be NOT VALID before 18.
bool must_key_come_first(const Context& context) {
  return context.relation().partitioned() && context.facts.server_major() < 18 &&
         has_part(context, PartKind::kReferences);
}

Addition plan_addition(const Context& context) {
  const ddl::NewColumn& added = context.added();
  Addition addition{context, added, context.facts.quote(context.action.column),
                    concat({"ALTER TABLE ", context.relation().display})};
  addition.default_at_once =
      added.has_default && !added.volatile_default && !must_key_come_first(context);
  // While all values are NULL there is nothing to check.
  addition.references_at_once = !addition.default_at_once;
  return addition;
}

bool speaks_for_itself(PartKind kind) {
  return kind == PartKind::kDefault || kind == PartKind::kKey || kind == PartKind::kNotNull ||
         kind == PartKind::kNull;
}

bool is_known(const Context& context) {
  const auto& parts = context.action.parts;
  return std::all_of(parts.begin(), parts.end(), [](const ColumnPart& part) {
    return speaks_for_itself(part.kind) || !part.sql.empty();
  });
}

Text named(const Addition& addition, const ColumnPart& part) {
  const std::string_view sql = part.sql.empty() ? std::string_view("NOT NULL") : part.sql;
  if (part.constraint.empty()) return Text(sql);
  return concat({"CONSTRAINT ", addition.context.facts.quote(part.constraint), " ", sql});
}

// Parts that need no look at the rows.
bool comes_at_once(const Addition& addition, const ColumnPart& part) {
  switch (part.kind) {
    case PartKind::kCheck:
      return !part.enforced;
    case PartKind::kGenerated:
      return addition.added.virtual_generated;
    case PartKind::kNotNull:
      return addition.default_at_once;
    case PartKind::kReferences:
      return addition.references_at_once || !part.enforced;
    default:
      return false;
  }
}

void append_bare_column(const Addition& addition, Vector<Text>& steps) {
  const Context& context = addition.context;
  const ddl::NewColumn& added = addition.added;
  const Text& type = added.base_type.empty() ? added.type : added.base_type;
  Text sql =
      concat({addition.alter, " ADD COLUMN ", context.action.if_not_exists ? "IF NOT EXISTS " : "",
              addition.column, " ", type});
  if (addition.default_at_once) sql.append(concat({" DEFAULT ", added.default_sql}));
  const bool said = has_part(context, PartKind::kNotNull);
  if (addition.default_at_once && added.not_null && !said) sql.append(" NOT NULL");
  for (const ColumnPart& part : context.action.parts) {
    if (comes_at_once(addition, part)) sql.append(concat({" ", named(addition, part)}));
  }
  steps.push_back(sql.append(";"));
}

void append_default(const Addition& addition, Vector<Text>& steps) {
  const ddl::NewColumn& added = addition.added;
  if (!added.has_default || addition.default_at_once || added.serial || added.identity) return;
  const Text& column = addition.column;
  steps.push_back(
      concat({addition.alter, " ALTER COLUMN ", column, " SET DEFAULT ", added.default_sql, ";"}));
  steps.push_back(backfill_step(addition.context, concat({column, " = DEFAULT"}),
                                is_null(column, added.composite)));
}

// No plain column becomes a generated one; a trigger computes it instead.
void append_computation(const Addition& addition, Vector<Text>& steps) {
  const Context& context = addition.context;
  const ddl::Generation generation = context.facts.generation(context.relation(), context.action);
  const Computation computation = plan_computation(context, generation);
  const bool composite = addition.added.composite;
  for (const Text& step : computation.create) steps.push_back(step);
  steps.push_back(
      backfill_step(context, concat({addition.column, " = ", generation.expression}),
                    concat({is_null(addition.column, composite), " AND ",
                            is_not_null(concat({"(", generation.expression, ")"}), composite)})));
}

void append_constraint(const Addition& addition, const Text& name, std::string_view definition,
                       Vector<Text>& steps) {
  const Text quoted = addition.context.facts.quote(name);
  steps.push_back(
      concat({addition.alter, " ADD CONSTRAINT ", quoted, " ", definition, " NOT VALID;"}));
  steps.push_back(concat({addition.alter, " VALIDATE CONSTRAINT ", quoted, ";"}));
}

Text name_of_constraint(const Addition& addition, const Text& given, std::string_view label) {
  const Context& context = addition.context;
  if (!given.empty()) return given;
  return context.facts.free_name(context.relation(), context.action.column, label);
}

void append_checks(const Addition& addition, Vector<Text>& steps) {
  for (const ColumnPart& part : addition.context.action.parts) {
    if (part.kind != PartKind::kCheck || comes_at_once(addition, part)) continue;
    append_constraint(addition, name_of_constraint(addition, part.constraint, "check"), part.sql,
                      steps);
  }
  for (const Text& check : addition.added.domain_checks) {
    const Text sql = core::replace_tokens(check, "VALUE", addition.column);
    append_constraint(addition, name_of_constraint(addition, {}, "check"),
                      concat({"CHECK (", sql, ")"}), steps);
  }
}

bool has_value_for_old_rows(const ddl::NewColumn& added) {
  return added.has_default || added.serial || added.identity || added.stored_generated ||
         added.virtual_generated;
}

void append_not_null(const Addition& addition, Vector<Text>& steps) {
  const ddl::NewColumn& added = addition.added;
  const bool wanted = added.not_null || added.serial || added.identity;
  if (!wanted || addition.default_at_once) return;
  Text name;
  for (const ColumnPart& part : addition.context.action.parts) {
    if (part.kind == PartKind::kNotNull) name = part.constraint;
  }
  const std::size_t first = steps.size();
  append_not_null_steps(addition.context, addition.context.action.column, steps, name);
  if (!has_value_for_old_rows(added)) steps[first].insert(0, kDeploy);
}

void append_references(const Addition& addition, Vector<Text>& steps) {
  for (const ColumnPart& part : addition.context.action.parts) {
    if (part.kind != PartKind::kReferences || comes_at_once(addition, part)) continue;
    append_constraint(addition, name_of_constraint(addition, part.constraint, "fkey"),
                      concat({"FOREIGN KEY (", addition.column, ") ", part.sql}), steps);
  }
}

}  // namespace

void append_added_column_steps(const Context& context, Vector<Text>& steps) {
  if (!is_known(context)) return;
  const ddl::NewColumn& added = context.added();
  const Addition addition = plan_addition(context);
  if (added.stored_generated &&
      context.facts.generation(context.relation(), context.action).expression.empty()) {
    return;
  }
  append_bare_column(addition, steps);
  Numbering numbering;
  if (added.serial || added.identity) numbering = append_numbering_steps(context, steps);
  if (added.stored_generated) append_computation(addition, steps);
  append_default(addition, steps);
  append_checks(addition, steps);
  append_not_null(addition, steps);
  if (!numbering.identity.empty()) steps.push_back(numbering.identity);
  append_references(addition, steps);
  append_inline_key(context, steps);
}

}  // namespace db_guard::rules
