// The foreign keys of a partitioned table and to it: a new partition gets them, and one that leaves
// loses those to it and keeps its own.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/dependency.h"
#include "catalog/pg_inherits.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

bool is_among(const List* constraints, Oid id) {
  ListCell* cell = nullptr;
  foreach (cell, constraints) {
    if (static_cast<const ConstraintFacts*>(lfirst(cell))->id == id) return true;
  }
  return false;
}

bool same_columns(const ConstraintFacts& one, const ConstraintFacts& other) {
  if (one.columns != other.columns) return false;
  for (int i = 0; i < one.columns; i++) {
    const char* name = get_attname(one.table, one.keys[i], false);
    if (get_attnum(other.table, name) != other.keys[i]) return false;
  }
  return true;
}

const ConstraintFacts* find_such_a_key(Oid partition, const ConstraintFacts& key) {
  ListCell* cell = nullptr;
  foreach (cell, constraints_of(partition)) {
    const auto* own = static_cast<const ConstraintFacts*>(lfirst(cell));
    const bool same = own->type == CONSTRAINT_FOREIGN && own->referenced == key.referenced &&
                      !OidIsValid(own->parent) && (own->validated || kUnprovenKeysAreAttached) &&
                      own->deferrable == key.deferrable && own->deferred == key.deferred &&
                      own->on_update == key.on_update && own->on_delete == key.on_delete &&
                      own->match == key.match;
    const bool to_same =
        memcmp(own->referenced_keys, key.referenced_keys, sizeof(key.referenced_keys)) == 0;
    if (same && to_same && same_columns(key, *own)) return own;
  }
  return nullptr;
}

void give_key(Alteration& alteration, Oid partition, const ConstraintFacts& key) {
  const ConstraintFacts* same = find_such_a_key(partition, key);
  if (same != nullptr) {
    if (same->enforced) lock_attached_key(alteration.prediction, key.referenced);
    if (key.validated && !same->validated) validate_key(alteration, *same);
    return;
  }
  add_lock(alteration.prediction, key.index, AccessShareLock);
  if (get_rel_relkind(partition) == RELKIND_RELATION) {
    // Even of a key that is NOT VALID the server checks the rows that come in.
    if (key.enforced) check_foreign_key(alteration, partition, key.referenced);
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(partition, NoLock)) {
    give_key(alteration, lfirst_oid(cell), key);
  }
}

// Looked for by a query that joins the two tables.
void look_for_references(Alteration& alteration, const ConstraintFacts& key) {
  Prediction& prediction = alteration.prediction;
  // Which of the tables are read to the end depends on the plan.
  prediction.estimated = true;
  const bool partitioned = get_rel_relkind(key.table) == RELKIND_PARTITIONED_TABLE;
  List* tables = partitioned ? family_of(key.table) : list_make1_oid(key.table);
  ListCell* cell = nullptr;
  foreach (cell, tables) {
    lock_for_query(prediction, lfirst_oid(cell));
    RelationEffect* effect = add_lock(prediction, lfirst_oid(cell), AccessShareLock);
    effect->scan |= get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION;
  }
  foreach (cell, family_of(key.referenced)) lock_for_query(prediction, lfirst_oid(cell));
  // Their bounds are part of what is looked for.
  foreach (cell, get_partition_ancestors(key.referenced)) {
    add_lock(prediction, lfirst_oid(cell), AccessShareLock);
  }
}

// The indexes that have become part of the one that the key relies on. A partition can have several
// such; the server records the one that it has attached.
void lock_own_keys(Prediction& prediction, Oid partition, Oid index) {
  const Oid constraint = get_index_constraint(index);
  const ConstraintFacts* key = OidIsValid(constraint) ? read_constraint(constraint) : nullptr;
  if (key == nullptr) return;
  ListCell* tables = nullptr;
  ListCell* cell = nullptr;
  foreach (tables, family_of(partition)) {
    foreach (cell, constraints_of(lfirst_oid(tables))) {
      const auto* own = static_cast<const ConstraintFacts*>(lfirst(cell));
      if (own->type != key->type || !same_columns(*key, *own)) continue;
      add_lock(prediction, own->index, AccessShareLock);
    }
  }
}

// The actions on the referenced table's partitions are recorded anew.
void lock_index_parts(Prediction& prediction, Oid index) {
  ListCell* cell = nullptr;
  foreach (cell, family_of(index)) {
    if (lfirst_oid(cell) != index) add_lock(prediction, lfirst_oid(cell), AccessShareLock);
  }
}

}  // namespace

void predict_attached_keys(Alteration& alteration, Oid parent, Oid partition) {
  ListCell* cell = nullptr;
  List* to_parent = keys_that_reference(parent);
  foreach (cell, to_parent) {
    const auto* key = static_cast<const ConstraintFacts*>(lfirst(cell));
    if (is_among(to_parent, key->parent)) continue;
    add_lock(alteration.prediction, key->table, ShareRowExclusiveLock);
    lock_own_keys(alteration.prediction, partition, key->index);
  }
  List* own = constraints_of(parent);
  foreach (cell, own) {
    const auto* key = static_cast<const ConstraintFacts*>(lfirst(cell));
    if (key->type != CONSTRAINT_FOREIGN || is_among(own, key->parent)) continue;
    lock_referenced(alteration, key->referenced, InvalidOid);
    give_key(alteration, partition, *key);
  }
}

void predict_detached_keys(Alteration& alteration, Oid partition, KeyRows references) {
  ListCell* cell = nullptr;
  List* own = constraints_of(partition);
  foreach (cell, own) {
    const auto* key = static_cast<const ConstraintFacts*>(lfirst(cell));
    const bool cloned =
        key->type == CONSTRAINT_FOREIGN && OidIsValid(key->parent) && !is_among(own, key->parent);
    if (cloned) lock_referenced(alteration, key->referenced, InvalidOid);
    if (cloned) lock_index_parts(alteration.prediction, key->index);
  }
  foreach (cell, keys_that_reference(partition)) {
    const auto* key = static_cast<const ConstraintFacts*>(lfirst(cell));
    if (!OidIsValid(key->parent)) continue;
    add_lock(alteration.prediction, key->table, AccessExclusiveLock);
    if (references == KeyRows::kChecked) look_for_references(alteration, *key);
  }
}

}  // namespace db_guard::effects
