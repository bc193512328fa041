// ADD COLUMN: table by table down the family, since a child that has the column keeps its own.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

#include "ddl/plain_facts.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/value.h"
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

bool is_not_null(const ColumnPlan& plan) { return plan.not_null || plan.serial || plan.identity; }

void add_to_table(Alteration& alteration, Oid relation, const ColumnPlan& plan) {
  AlteredTable& table = altered_table(alteration, relation);
  table.rewrite |= fills_rows_at_once(plan);
  table.computes_values |= plan.has_default;
  if (is_not_null(plan) && !keeps_default(plan)) {
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

void add_inline_key(Alteration& alteration, Oid relation, const ColumnDef* column,
                    const Constraint* inline_key) {
  auto* key = static_cast<Constraint*>(copyObjectImpl(inline_key));
  key->keys = list_make1(makeString(column->colname));
  // ADD COLUMN itself has seen to the nulls.
  List* nullable = alteration.nullable_added;
  alteration.nullable_added = NIL;
  predict_add_constraint(alteration, relation, key);
  alteration.nullable_added = nullable;
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
        add_inline_key(alteration, relation, column, constraint);
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

const char* why_not_added(Oid relation) {
  if (is_typed_table(relation)) return "cannot add column to typed table";
  return get_rel_relispartition(relation) ? "cannot add column to a partition" : nullptr;
}

}  // namespace

void predict_add_column(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const auto* column = reinterpret_cast<const ColumnDef*>(command->def);
  if (has_column(alteration, relation, column->colname)) {
    if (command->missing_ok) return;
    server_refuses(alteration.prediction, "the column exists already");
    return;
  }
  const char* refusal = why_not_added(relation);
  if (refusal != nullptr) {
    server_refuses(alteration.prediction, refusal);
    return;
  }
  const ColumnPlan plan = ddl::plan_new_column(column);
  if (!plan.serial) lock_row_types(alteration.prediction, plan.type);
  lock_named_relations(alteration.prediction, plan.default_expression);
  alteration.added_columns = lappend(alteration.added_columns, column->colname);
  if (!is_not_null(plan)) {
    alteration.nullable_added = lappend(alteration.nullable_added, column->colname);
  }
  add_down(alteration, relation, column, plan);
  ListCell* cell = nullptr;
  const bool recurse = alteration.recurse;
  foreach (cell, typed_tables(alteration, relation, command->behavior)) {
    alteration.recurse = true;
    add_down(alteration, lfirst_oid(cell), column, plan);
  }
  alteration.recurse = recurse;
  add_inline_constraints(alteration, relation, column, plan);
}

}  // namespace db_guard::effects
