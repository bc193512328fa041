// ADD COLUMN: table by table down the family, since a child that has the column keeps its own.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

#include "ddl/plain_facts.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

using ddl::ColumnPlan;

bool fills_rows_at_once(const ColumnPlan& plan) {
  return plan.serial || plan.identity || plan.stored_generated || plan.constrained_domain ||
         plan.volatile_default;
}

// The server keeps the default in the catalog instead of writing it into the rows.
bool keeps_default(const ColumnPlan& plan) {
  return plan.has_default && !fills_rows_at_once(plan) && !plan.virtual_generated;
}

void add_to_table(Alteration& alteration, Oid relation, const ColumnPlan& plan) {
  AlteredTable& table = altered_table(alteration, relation);
  const bool not_null = plan.not_null || plan.serial || plan.identity;
  table.rewrite |= fills_rows_at_once(plan);
  if (not_null && !keeps_default(plan)) {
    table.verify = true;
    table.verifies_not_null = true;
  }
}

void add_down(Alteration& alteration, Oid relation, const ColumnDef* column,
              const ColumnPlan& plan) {
  add_to_table(alteration, relation, plan);
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(relation, NoLock)) {
    const Oid child = lfirst_oid(cell);
    if (!alteration.recurse) {
      server_refuses(alteration.prediction, "column must be added to child tables too");
      return;
    }
    add_lock(alteration.prediction, child, alteration.lock);
    if (get_attnum(child, column->colname) != InvalidAttrNumber) continue;
    add_down(alteration, child, column, plan);
  }
}

void add_inline_constraints(Alteration& alteration, Oid relation, const ColumnDef* column,
                            const ColumnPlan& plan) {
  ListCell* cell = nullptr;
  foreach (cell, column->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    switch (constraint->contype) {
      case CONSTR_CHECK:
        predict_add_constraint(alteration, relation, constraint);
        break;
      case CONSTR_PRIMARY:
      case CONSTR_UNIQUE:
      case CONSTR_EXCLUSION:
        predict_build_index(alteration, relation, NIL);
        break;
      case CONSTR_FOREIGN: {
        // Nulls refer to nothing.
        const bool has_value = column->raw_default != nullptr || plan.has_default || plan.serial;
        predict_add_foreign_key(alteration, relation, constraint,
                                has_value ? KeyRows::kChecked : KeyRows::kTrusted);
        break;
      }
      default:
        break;
    }
  }
}

}  // namespace

void predict_add_column(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const auto* column = reinterpret_cast<const ColumnDef*>(command->def);
  if (has_column(alteration, relation, column->colname)) {
    if (command->missing_ok) return;
    server_refuses(alteration.prediction, "the column exists already");
    return;
  }
  const ColumnPlan plan = ddl::plan_new_column(column);
  alteration.added_columns = lappend(alteration.added_columns, column->colname);
  if (!keeps_default(plan)) {
    alteration.nullable_added = lappend(alteration.nullable_added, column->colname);
  }
  add_down(alteration, relation, column, plan);
  ListCell* cell = nullptr;
  foreach (cell, typed_tables(alteration, relation, command->behavior)) {
    add_down(alteration, lfirst_oid(cell), column, plan);
  }
  add_inline_constraints(alteration, relation, column, plan);
}

}  // namespace db_guard::effects
