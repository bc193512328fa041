// Constraints: those that read the rows of all tables below, and those that are indexes.
#include "effects/alteration.hpp"
#include "effects/deletion.hpp"
#include "effects/effects_version.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}
#include "pg/syscache.hpp"

namespace db_guard::effects {

namespace {

bool is_key(char type) { return type == CONSTRAINT_PRIMARY || type == CONSTRAINT_UNIQUE; }

// NOT NULL of 18 and later.
bool is_not_null_constraint(char type) { return type == 'n'; }

void refuse_missing(Alteration& alteration, const char* column) {
  if (column == nullptr) return;
  server_refuses(alteration.prediction, psprintf("column \"%s\" does not exist", column));
}

bool reads_rows(const Constraint* constraint) {
  return !constraint->skip_validation && is_enforced(constraint);
}

// A child that has it already, and all below it, are left alone.
bool has_such_a_check(Oid relation, const Constraint* constraint) {
  if (constraint->conname == nullptr) return false;
  const ConstraintFacts* own = find_constraint(relation, constraint->conname);
  return own != nullptr && own->type == CONSTRAINT_CHECK && own->validated;
}

void add_check_below(Alteration& alteration, Oid relation, const Constraint* constraint) {
  altered_table(alteration, relation).verify |= reads_rows(constraint);
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(relation, NoLock)) {
    add_lock(alteration.prediction, lfirst_oid(cell), alteration.lock);
    if (has_such_a_check(lfirst_oid(cell), constraint)) continue;
    add_check_below(alteration, lfirst_oid(cell), constraint);
  }
}

void add_check(Alteration& alteration, Oid relation, const Constraint* constraint) {
  refuse_missing(alteration, missing_column_in(alteration, relation, constraint->raw_expr));
  const bool partitioned = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE;
  if (constraint->is_no_inherit && partitioned) {
    server_refuses(alteration.prediction, "cannot add NO INHERIT constraint to partitioned table");
    return;
  }
  if (constraint->is_no_inherit) {
    altered_table(alteration, relation).verify |= reads_rows(constraint);
    return;
  }
  if (!alteration.recurse && find_inheritance_children(relation, NoLock) != NIL) {
    server_refuses(alteration.prediction, "constraint must be added to child tables too");
    return;
  }
  add_check_below(alteration, relation, constraint);
}

// The same columns, under the same constraint: the partition's index becomes part of the new one.
bool has_such_a_key(Oid partition, const List* columns, Oid* index) {
  ListCell* cell = nullptr;
  foreach (cell, constraints_of(partition)) {
    const auto* facts = static_cast<const ConstraintFacts*>(lfirst(cell));
    if (!is_key(facts->type) || OidIsValid(facts->parent)) continue;
    if (facts->columns != list_length(columns) || columns == NIL) continue;
    bool same = true;
    for (int i = 0; i < facts->columns; i++) {
      const char* name = strVal(list_nth(columns, i));
      same &= get_attnum(partition, name) == facts->keys[i];
    }
    *index = facts->index;
    if (same) return true;
  }
  return false;
}

void build_below(Alteration& alteration, Oid table, const List* columns, LOCKMODE lock) {
  if (get_rel_relkind(table) != RELKIND_PARTITIONED_TABLE) {
    altered_table(alteration, table).builds_index = true;
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(table, NoLock)) {
    const Oid partition = lfirst_oid(cell);
    Oid index = InvalidOid;
    add_lock(alteration.prediction, partition, ShareLock);
    if (has_such_a_key(partition, columns, &index)) {
      add_lock(alteration.prediction, index, ShareLock);
    } else {
      add_lock(alteration.prediction, partition, lock);
      build_below(alteration, partition, columns, lock);
    }
  }
}

List* columns_of_index(Oid table, Oid index) {
  List* columns = NIL;
  const auto read = [&](auto* form, HeapTuple) {
    for (int i = 0; i < form->indnkeyatts; i++) {
      const AttrNumber number = form->indkey.values[i];
      if (number > 0) columns = lappend(columns, makeString(get_attname(table, number, false)));
    }
  };
  pg::read_syscache<Form_pg_index>(INDEXRELID, ObjectIdGetDatum(index), read);
  return columns;
}

void set_key_not_null(Alteration& alteration, Oid relation, const List* columns) {
  ListCell* cell = nullptr;
  foreach (cell, columns) {
    const char* column = strVal(lfirst(cell));
    if (!is_not_null_already(relation, column)) predict_set_not_null(alteration, relation, column);
  }
}

// The index gets the name of the constraint.
void use_index(Alteration& alteration, Oid relation, const Constraint* constraint) {
  const char* name = constraint->indexname;
  const Oid index = get_relname_relid(name, get_rel_namespace(relation));
  if (!OidIsValid(index)) {
    server_refuses(alteration.prediction, psprintf("index \"%s\" does not exist", name));
    return;
  }
  const bool renamed = constraint->conname != nullptr && strcmp(constraint->conname, name) != 0;
  add_lock(alteration.prediction, index, renamed ? ShareUpdateExclusiveLock : AccessShareLock);
  if (constraint->contype == CONSTR_PRIMARY) {
    set_key_not_null(alteration, relation, columns_of_index(relation, index));
  }
}

bool has_primary_key(const Alteration& alteration, Oid relation) {
  ListCell* cell = nullptr;
  foreach (cell, constraints_of(relation)) {
    const auto* facts = static_cast<const ConstraintFacts*>(lfirst(cell));
    if (facts->type != CONSTRAINT_PRIMARY) continue;
    if (!is_dropped(alteration, ConstraintRelationId, facts->id)) return true;
  }
  return false;
}

void add_key(Alteration& alteration, Oid relation, const Constraint* constraint) {
  if (get_rel_relkind(relation) == RELKIND_FOREIGN_TABLE) {
    server_refuses(alteration.prediction, "foreign tables have no indexes");
    return;
  }
  if (constraint->contype == CONSTR_PRIMARY && has_primary_key(alteration, relation)) {
    server_refuses(alteration.prediction, "multiple primary keys are not allowed");
    return;
  }
  if (constraint->indexname != nullptr) {
    use_index(alteration, relation, constraint);
    return;
  }
  refuse_missing(alteration, missing_column(alteration, relation, constraint->keys));
  const bool partitioned = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE;
  if (constraint->contype == CONSTR_EXCLUSION && partitioned && !kPartitionedExclusion) {
    server_refuses(alteration.prediction,
                   "exclusion constraints are not supported on partitioned tables");
    return;
  }
  if (constraint->contype != CONSTR_EXCLUSION &&
      !covers_partition_key(relation, constraint->keys)) {
    server_refuses(alteration.prediction,
                   "unique constraint on partitioned table must include all partitioning columns");
    return;
  }
  if (constraint->contype == CONSTR_PRIMARY) {
    set_key_not_null(alteration, relation, constraint->keys);
  }
  predict_build_index(alteration, relation, constraint);
}

// NOT NULL may have another name on each table; its column counts.
const ConstraintFacts* constraint_of_child(Oid child, const ConstraintFacts& facts) {
  if (!is_not_null_constraint(facts.type)) return find_constraint(child, facts.name);
  return find_not_null(child, get_attname(facts.table, facts.keys[0], false));
}

// Down the family as far as the constraint has come from above only.
List* collect_constraint(Alteration& alteration, const ConstraintFacts& facts, List* objects) {
  if (facts.type == CONSTRAINT_FOREIGN && facts.referenced != facts.table) {
    add_lock(alteration.prediction, facts.referenced, AccessExclusiveLock);
  }
  objects = lappend(objects, object_address(ConstraintRelationId, facts.id, 0));
  const bool partitioned = get_rel_relkind(facts.table) == RELKIND_PARTITIONED_TABLE;
  if (facts.no_inherit ||
      (partitioned && facts.type != CONSTRAINT_CHECK && !is_not_null_constraint(facts.type))) {
    return objects;
  }
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(facts.table, NoLock)) {
    const Oid child = lfirst_oid(cell);
    add_lock(alteration.prediction, child, alteration.lock);
    const ConstraintFacts* own = constraint_of_child(child, facts);
    const bool goes =
        own != nullptr && alteration.recurse && own->inherited && own->inherit_count == 1;
    if (goes) objects = collect_constraint(alteration, *own, objects);
  }
  return objects;
}

const char* why_not_dropped(Alteration& alteration, const ConstraintFacts& facts) {
  if (facts.inherit_count > 0) return "cannot drop inherited constraint";
  const bool partitioned = get_rel_relkind(facts.table) == RELKIND_PARTITIONED_TABLE;
  const bool only = partitioned && facts.type == CONSTRAINT_CHECK && !facts.no_inherit &&
                    !alteration.recurse && find_inheritance_children(facts.table, NoLock) != NIL;
  return only ? "cannot remove constraint from only the partitioned table when partitions exist"
              : nullptr;
}

void miss_constraint(Alteration& alteration, Oid relation, const char* name) {
  server_refuses(alteration.prediction,
                 psprintf("constraint \"%s\" of relation \"%s\" does not exist", name,
                          get_rel_name(relation)));
}

void validate_rows(Alteration& alteration, const ConstraintFacts& facts) {
  if (!facts.no_inherit && !alteration.recurse &&
      find_inheritance_children(facts.table, NoLock) != NIL) {
    server_refuses(alteration.prediction, "constraint must be validated on child tables too");
    return;
  }
  List* tables =
      facts.no_inherit ? list_make1_oid(facts.table) : alter_family(alteration, facts.table);
  ListCell* cell = nullptr;
  foreach (cell, tables) {
    const ConstraintFacts* own = find_constraint(lfirst_oid(cell), facts.name);
    if (own != nullptr && own->validated) continue;
    altered_table(alteration, lfirst_oid(cell)).verify = true;
  }
}

// One that this very statement adds.
bool validates_added(Alteration& alteration, Oid relation, const char* name) {
  ListCell* cell = nullptr;
  foreach (cell, alteration.added_constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    if (constraint->conname == nullptr || strcmp(constraint->conname, name) != 0) continue;
    auto* valid = static_cast<Constraint*>(copyObjectImpl(constraint));
    valid->skip_validation = false;
    if (valid->contype == CONSTR_FOREIGN) {
      predict_add_foreign_key(alteration, relation, valid, KeyRows::kChecked);
    } else {
      add_check(alteration, relation, valid);
    }
    return true;
  }
  return false;
}

void alter_children(Alteration& alteration, const ConstraintFacts& facts) {
  const bool partitioned = get_rel_relkind(facts.table) == RELKIND_PARTITIONED_TABLE ||
                           get_rel_relkind(facts.referenced) == RELKIND_PARTITIONED_TABLE;
  if (!partitioned) return;
  ListCell* cell = nullptr;
  foreach (cell, children_of_constraint(facts.id)) {
    const auto* child = static_cast<const ConstraintFacts*>(lfirst(cell));
    add_lock(alteration.prediction, child->table, alteration.lock);
    alter_children(alteration, *child);
  }
}

}  // namespace

// A deferrable constraint makes a trigger as well.
void predict_build_index(Alteration& alteration, Oid relation, const Constraint* constraint) {
  const bool only = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE && !alteration.recurse;
  const LOCKMODE lock = constraint->deferrable ? ShareRowExclusiveLock : ShareLock;
  if (!only) build_below(alteration, relation, constraint->keys, lock);
}

void predict_add_constraint(Alteration& alteration, Oid relation, const Constraint* constraint) {
  if (kNewConstraintsLockHeirs) alter_family(alteration, relation);
  const char* name = constraint->conname;
  const ConstraintFacts* other = name != nullptr ? find_constraint(relation, name) : nullptr;
  if (other != nullptr && !is_dropped(alteration, ConstraintRelationId, other->id)) {
    // It becomes local as well.
    if (other->inherited && constraint->contype == CONSTR_CHECK) return;
    server_refuses(alteration.prediction,
                   psprintf("constraint \"%s\" for relation \"%s\" already exists", name,
                            get_rel_name(relation)));
    return;
  }
  alteration.added_constraints =
      lappend(alteration.added_constraints, const_cast<Constraint*>(constraint));
  switch (constraint->contype) {
    case CONSTR_CHECK:
      add_check(alteration, relation, constraint);
      break;
    case CONSTR_FOREIGN:
      predict_add_foreign_key(alteration, relation, constraint, KeyRows::kChecked);
      break;
    case CONSTR_PRIMARY:
    case CONSTR_UNIQUE:
    case CONSTR_EXCLUSION:
      add_key(alteration, relation, constraint);
      break;
    case CONSTR_NOTNULL:
      predict_add_not_null(alteration, relation, constraint);
      break;
    default:
      break;
  }
}

void predict_add_not_null(Alteration& alteration, Oid relation, const Constraint* constraint) {
  const char* column = constraint->keys != NIL ? strVal(linitial(constraint->keys)) : nullptr;
  if (column == nullptr) return;
  if (constraint->skip_validation) {
    alter_family(alteration, relation);
  } else {
    predict_set_not_null(alteration, relation, column);
  }
}

void drop_not_null(Alteration& alteration, const ConstraintFacts& facts) {
  if (facts.inherit_count > 0) {
    server_refuses(alteration.prediction, "cannot drop inherited constraint");
    return;
  }
  drop_objects(alteration, collect_constraint(alteration, facts, NIL), DROP_RESTRICT);
}

void predict_drop_constraint(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const bool partitioned = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE;
  if (partitioned) alter_whole_family(alteration, relation);
  const ConstraintFacts* facts = find_constraint(relation, command->name);
  if (facts == nullptr || is_dropped(alteration, ConstraintRelationId, facts->id)) {
    if (!command->missing_ok) miss_constraint(alteration, relation, command->name);
    return;
  }
  const char* refusal = why_not_dropped(alteration, *facts);
  if (refusal != nullptr) {
    server_refuses(alteration.prediction, refusal);
    return;
  }
  drop_objects(alteration, collect_constraint(alteration, *facts, NIL), command->behavior);
}

void predict_validate(Alteration& alteration, Oid relation, const char* name) {
  if (validates_added(alteration, relation, name)) return;
  const ConstraintFacts* facts = find_constraint(relation, name);
  if (facts == nullptr) {
    miss_constraint(alteration, relation, name);
    return;
  }
  if (is_key(facts->type) || facts->type == CONSTRAINT_EXCLUSION) {
    server_refuses(alteration.prediction, "the constraint is not one that can be validated");
    return;
  }
  if (facts->validated) return;
  if (facts->type != CONSTRAINT_FOREIGN) {
    validate_rows(alteration, *facts);
  } else {
    validate_key(alteration, *facts);
  }
}

void predict_alter_constraint(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const ConstraintChange change = constraint_change(command);
  const ConstraintFacts* facts = find_constraint(relation, change.name);
  if (facts == nullptr) {
    miss_constraint(alteration, relation, change.name);
    return;
  }
  if (facts->type != CONSTRAINT_FOREIGN) {
    if (!change.alters_inheritance) {
      server_refuses(alteration.prediction, "the constraint is not a foreign key constraint");
    } else {
      alter_family(alteration, relation);
    }
    return;
  }
  if (!change.alters_enforceability) {
    alter_children(alteration, *facts);
  } else if (!change.enforced || !facts->enforced) {
    alter_children(alteration, *facts);
    predict_enforceability(alteration, *facts, change.enforced);
  }
}

}  // namespace db_guard::effects
