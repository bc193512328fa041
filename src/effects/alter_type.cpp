// ALTER COLUMN ... TYPE, table by table down the family. What depends on the column is dropped and
// made anew, on this table and on those that refer to it.
#include "effects/alteration.hpp"
#include "effects/deletion.hpp"

#include "ddl/plain_facts.hpp"

extern "C" {
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

using ddl::TypePlan;

bool is_rebuilt(const TypePlan& plan, Oid index) {
  return plan.rewrite || list_member_oid(plan.rebuilt_indexes, index);
}

// An index of a partitioned table takes those of the partitions along, and they come back empty.
void rebuild_index(Alteration& alteration, const TypePlan& plan, Oid index) {
  const Oid table = IndexGetRelation(index, false);
  if (get_rel_relkind(index) == RELKIND_PARTITIONED_INDEX) {
    ListCell* cell = nullptr;
    foreach (cell, family_of(table)) {
      altered_table(alteration, lfirst_oid(cell)).builds_index = true;
    }
    return;
  }
  if (is_rebuilt(plan, index)) altered_table(alteration, table).builds_index = true;
}

bool keeps_key_operators(const TypePlan& plan) {
  return !plan.rewrite &&
         IsBinaryCoercible(getBaseType(plan.before.type), getBaseType(plan.after.type));
}

void recheck_key(Alteration& alteration, const TypePlan& plan, const ConstraintFacts& facts) {
  if (!facts.validated || keeps_key_operators(plan)) return;
  const bool partitioned = get_rel_relkind(facts.table) == RELKIND_PARTITIONED_TABLE;
  List* tables = partitioned ? family_of(facts.table) : list_make1_oid(facts.table);
  ListCell* cell = nullptr;
  foreach (cell, tables) {
    if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_RELATION) continue;
    check_foreign_key(alteration, lfirst_oid(cell), facts.referenced);
  }
}

void remake_constraint(Alteration& alteration, const TypePlan& plan, Oid constraint) {
  const ConstraintFacts* facts = read_constraint(constraint);
  if (facts == nullptr || !OidIsValid(facts->table)) return;
  if (facts->type == CONSTRAINT_FOREIGN) {
    if (OidIsValid(facts->parent)) return;
    lock_key_index(alteration.prediction, facts->index);
    recheck_key(alteration, plan, *facts);
  } else if (facts->type == CONSTRAINT_CHECK) {
    altered_table(alteration, facts->table).verify |= facts->validated;
  } else if (OidIsValid(facts->index)) {
    rebuild_index(alteration, plan, facts->index);
  }
}

void remake_dependents(Alteration& alteration, const TypePlan& plan) {
  List* objects = NIL;
  ListCell* cell = nullptr;
  const ScriptState* script = alteration.prediction.script;
  List* gone = script != nullptr ? gone_constraints(*script) : NIL;
  foreach (cell, plan.constraints) {
    if (is_dropped(alteration, ConstraintRelationId, lfirst_oid(cell))) continue;
    if (list_member_oid(gone, lfirst_oid(cell))) continue;
    objects = lappend(objects, object_address(ConstraintRelationId, lfirst_oid(cell), 0));
    remake_constraint(alteration, plan, lfirst_oid(cell));
  }
  foreach (cell, plan.indexes) {
    if (is_dropped(alteration, RelationRelationId, lfirst_oid(cell))) continue;
    objects = lappend(objects, object_address(RelationRelationId, lfirst_oid(cell), 0));
    rebuild_index(alteration, plan, lfirst_oid(cell));
  }
  // The keys that refer to a unique constraint are among the objects themselves.
  drop_objects(alteration, objects, DROP_CASCADE);
}

void change_table(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const auto* definition = reinterpret_cast<const ColumnDef*>(command->def);
  const TypePlan plan = ddl::plan_type_change(relation, command->name, definition);
  if (plan.refused != nullptr) {
    server_refuses(alteration.prediction, plan.refused);
    return;
  }
  lock_row_types(alteration.prediction, plan.after.type);
  lock_relations_of_default(alteration.prediction, relation, plan.number);
  altered_table(alteration, relation).rewrite |= plan.rewrite;
  altered_table(alteration, relation).computes_values = true;
  remake_dependents(alteration, plan);
}

const char* why_not_changed(const Alteration& alteration, Oid relation, const char* column) {
  if (is_in(alteration.retyped, column)) return "cannot alter type of a column twice";
  if (is_typed_table(relation)) return "cannot alter column type of typed table";
  if (!alteration.recurse && find_inheritance_children(relation, NoLock) != NIL) {
    return "type of inherited column must be changed in child tables too";
  }
  if (has_other_source(relation, column)) return "cannot alter inherited column";
  ListCell* cell = nullptr;
  foreach (cell, family_of(relation)) {
    if (is_partition_column(lfirst_oid(cell), column)) {
      return "cannot alter column because it is part of the partition key";
    }
  }
  const bool stored = has_storage(get_rel_relkind(relation));
  if (!stored && is_row_type_stored(relation)) return "cannot alter type because a column uses it";
  return nullptr;
}

}  // namespace

void predict_type_change(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const char* refusal = why_not_changed(alteration, relation, command->name);
  alteration.retyped = lappend(alteration.retyped, command->name);
  if (refusal != nullptr) {
    server_refuses(alteration.prediction, refusal);
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, alter_family(alteration, relation)) {
    change_table(alteration, lfirst_oid(cell), command);
  }
  foreach (cell, typed_tables(alteration, relation, command->behavior)) {
    ListCell* heir = nullptr;
    foreach (heir, alter_whole_family(alteration, lfirst_oid(cell))) {
      change_table(alteration, lfirst_oid(heir), command);
    }
  }
  predict_identity_type(alteration, relation, command->name);
}

}  // namespace db_guard::effects
