// Foreign keys: both sides are locked, with all their partitions, and the rows of the referencing
// tables are checked by a query that joins the two.
#include "effects/alteration.hpp"
#include "effects/dependencies.hpp"
#include "effects/effects_version.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

struct NewKey {
  const List* columns;  // names; null for an inline constraint, which has no matches
  Oid referenced;
  KeyRows rows;
  char on_update;
  char on_delete;
  char match;
  bool deferrable;
};

bool has_columns(const ConstraintFacts& facts, const List* names) {
  if (facts.columns != list_length(names)) return false;
  for (int i = 0; i < facts.columns; i++) {
    const char* name = strVal(list_nth(names, i));
    if (get_attnum(facts.table, name) != facts.keys[i]) return false;
  }
  return true;
}

// The partition's own key takes the place of the one that would be made.
const ConstraintFacts* find_such_a_key(Oid partition, const NewKey& key) {
  if (key.columns == NIL) return nullptr;
  ListCell* cell = nullptr;
  foreach (cell, constraints_of(partition)) {
    const auto* facts = static_cast<const ConstraintFacts*>(lfirst(cell));
    const bool same = facts->type == CONSTRAINT_FOREIGN && facts->referenced == key.referenced &&
                      (facts->validated || kUnprovenKeysAreAttached) &&
                      !OidIsValid(facts->parent) && facts->on_update == key.on_update &&
                      facts->on_delete == key.on_delete && facts->match == key.match &&
                      facts->deferrable == key.deferrable;
    if (same && has_columns(*facts, key.columns)) return facts;
  }
  return nullptr;
}

void add_to_partitions(Alteration& alteration, Oid table, const NewKey& key);

void add_to_partition(Alteration& alteration, Oid partition, const NewKey& key) {
  add_lock(alteration.prediction, partition, alteration.lock);
  const ConstraintFacts* same = find_such_a_key(partition, key);
  if (same == nullptr) {
    add_to_partitions(alteration, partition, key);
    return;
  }
  lock_attached_key(alteration.prediction, key.referenced);
  if (key.rows == KeyRows::kChecked && !same->validated) validate_key(alteration, *same);
}

void add_to_partitions(Alteration& alteration, Oid table, const NewKey& key) {
  const char kind = get_rel_relkind(table);
  if (kind == RELKIND_RELATION && key.rows == KeyRows::kChecked) {
    check_foreign_key(alteration, table, key.referenced);
  }
  if (kind != RELKIND_PARTITIONED_TABLE) return;
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(table, NoLock)) {
    add_to_partition(alteration, lfirst_oid(cell), key);
  }
}

bool refuses(Alteration& alteration, Oid relation, const Constraint* constraint, Oid referenced) {
  const bool partitioned = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE;
  if (!OidIsValid(referenced)) {
    server_refuses(alteration.prediction,
                   psprintf("relation \"%s\" does not exist", constraint->pktable->relname));
  } else if (partitioned && !alteration.recurse) {
    server_refuses(alteration.prediction, "cannot use ONLY for foreign key on partitioned table");
  } else if (partitioned && constraint->skip_validation && !constraint->initially_valid &&
             !kPartitionedKeysMayBeNotValid) {
    server_refuses(alteration.prediction, "cannot add NOT VALID foreign key on partitioned table");
  } else {
    return false;
  }
  return true;
}

// The query runs as the role that asks for it; without the right to read, row by row is checked.
bool may_read(Oid relation) {
  return pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

// The catalog knows the columns' types only if this statement leaves them alone.
bool has_other_types(const Alteration& alteration, const List* columns) {
  ListCell* cell = nullptr;
  foreach (cell, columns) {
    const char* name = strVal(lfirst(cell));
    if (is_in(alteration.retyped, name) || is_in(alteration.added_columns, name)) return true;
  }
  return false;
}

const char* why_no_key(const Alteration& alteration, Oid relation, const Constraint* constraint,
                       Oid index) {
  const List* columns = constraint->fk_attrs;
  const char* missing = missing_column(alteration, relation, columns);
  if (missing != nullptr) return psprintf("column \"%s\" does not exist", missing);
  if (!OidIsValid(index) || is_dropped(alteration, RelationRelationId, index)) {
    return "there is no unique constraint matching the given keys of the referenced table";
  }
  if (index_key_count(index) != Max(list_length(columns), 1)) {
    return "number of referencing and referenced columns disagree";
  }
  const bool comparable = has_other_types(alteration, columns) ||
                          are_keys_comparable(relation, columns, index, constraint->pk_attrs);
  return comparable ? nullptr : "foreign key constraint cannot be implemented";
}

void add_with_index(Alteration& alteration, Oid relation, const Constraint* constraint, Oid index,
                    KeyRows rows) {
  const Oid referenced = find_relation(alteration.prediction, constraint->pktable);
  lock_referenced(alteration, referenced, index);
  const bool checked =
      rows == KeyRows::kChecked && !constraint->skip_validation && is_enforced(constraint);
  add_to_partitions(alteration, relation,
                    {constraint->fk_attrs, referenced,
                     checked ? KeyRows::kChecked : KeyRows::kTrusted, constraint->fk_upd_action,
                     constraint->fk_del_action, constraint->fk_matchtype, constraint->deferrable});
}

}  // namespace

void lock_for_query(Prediction& prediction, Oid relation) {
  add_lock(prediction, relation, AccessShareLock);
  const bool partitioned = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE;
  if (partitioned && !kPlannerOpensPartitionedIndexes) return;
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(relation)) add_lock(prediction, lfirst_oid(cell), AccessShareLock);
}

void lock_attached_key(Prediction& prediction, Oid referenced) {
  const bool partitioned = get_rel_relkind(referenced) == RELKIND_PARTITIONED_TABLE;
  List* tables = partitioned ? family_of(referenced) : list_make1_oid(referenced);
  ListCell* cell = nullptr;
  foreach (cell, tables) add_lock(prediction, lfirst_oid(cell), AccessExclusiveLock);
}

void lock_key_index(Prediction& prediction, Oid index) {
  if (!OidIsValid(index)) return;
  ListCell* cell = nullptr;
  foreach (cell, family_of(index)) lock_dependency(prediction, lfirst_oid(cell));
}

void lock_referenced(Alteration& alteration, Oid referenced, Oid index) {
  ListCell* cell = nullptr;
  foreach (cell, family_of(referenced)) {
    const Oid relation = lfirst_oid(cell);
    const bool partitions = get_rel_relkind(referenced) == RELKIND_PARTITIONED_TABLE;
    if (relation != referenced && !partitions) continue;
    add_lock(alteration.prediction, relation, ShareRowExclusiveLock);
  }
  lock_key_index(alteration.prediction, index);
}

void check_foreign_key(Alteration& alteration, Oid table, Oid referenced) {
  auto* check = static_cast<ForeignKeyCheck*>(palloc(sizeof(ForeignKeyCheck)));
  *check = {table, referenced};
  alteration.checks = lappend(alteration.checks, check);
}

void validate_key(Alteration& alteration, const ConstraintFacts& facts) {
  if (get_rel_relkind(facts.table) == RELKIND_RELATION) {
    check_foreign_key(alteration, facts.table, facts.referenced);
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, children_of_constraint(facts.id)) {
    const auto* child = static_cast<const ConstraintFacts*>(lfirst(cell));
    // Those of the referenced table's partitions have no rows of their own to check.
    if (child->validated || child->table == facts.table) continue;
    add_lock(alteration.prediction, child->table, alteration.lock);
    validate_key(alteration, *child);
  }
}

void predict_enforceability(Alteration& alteration, const ConstraintFacts& facts, bool enforced) {
  ListCell* cell = nullptr;
  // Its triggers on the referenced tables are dropped.
  if (!enforced) {
    if (facts.enforced) lock_attached_key(alteration.prediction, facts.referenced);
    return;
  }
  lock_referenced(alteration, facts.referenced, InvalidOid);
  foreach (cell, family_of(facts.table)) {
    if (get_rel_relkind(facts.table) != RELKIND_PARTITIONED_TABLE &&
        lfirst_oid(cell) != facts.table) {
      continue;
    }
    const bool has_rows = get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION;
    if (has_rows) check_foreign_key(alteration, lfirst_oid(cell), facts.referenced);
  }
}

void predict_key_query(Prediction& prediction, Oid table, Oid referenced) {
  add_lock(prediction, referenced, RowShareLock);
  RelationEffect* effect = add_lock(prediction, table, AccessShareLock);
  effect->fk_check = true;
  if (!may_read(table) || !may_read(referenced)) prediction.estimated = true;
  lock_for_query(prediction, table);
  const bool partitioned = get_rel_relkind(referenced) == RELKIND_PARTITIONED_TABLE;
  List* read = partitioned ? family_of(referenced) : list_make1_oid(referenced);
  ListCell* cell = nullptr;
  foreach (cell, read) lock_for_query(prediction, lfirst_oid(cell));
}

void predict_add_foreign_key(Alteration& alteration, Oid relation, const Constraint* constraint,
                             KeyRows rows) {
  const Oid referenced = find_relation(alteration.prediction, constraint->pktable);
  if (refuses(alteration, relation, constraint, referenced)) return;
  const bool made_now = referenced == relation && is_key_added(alteration, constraint->pk_attrs);
  const Oid index = made_now ? InvalidOid : key_index(referenced, constraint->pk_attrs);
  const char* refusal = made_now ? nullptr : why_no_key(alteration, relation, constraint, index);
  if (refusal != nullptr) {
    server_refuses(alteration.prediction, refusal);
    return;
  }
  add_with_index(alteration, relation, constraint, index, rows);
}

}  // namespace db_guard::effects
