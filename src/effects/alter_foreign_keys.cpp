// Foreign keys: both sides are locked, with all their partitions, and the rows of the referencing
// tables are checked by a query that joins the two.
#include "effects/alteration.hpp"
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

bool is_key_of(HeapTuple tuple, Oid table, const List* names) {
  const auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  if (names == NIL) return form->indisprimary;
  const bool usable = form->indisunique && form->indimmediate && form->indisvalid &&
                      form->indnkeyatts == list_length(names) &&
                      heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
                      heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
  if (!usable) return false;
  ListCell* cell = nullptr;
  foreach (cell, names) {
    const AttrNumber number = get_attnum(table, strVal(lfirst(cell)));
    const int16* keys = form->indkey.values;
    if (std::find(keys, keys + form->indnkeyatts, number) == keys + form->indnkeyatts) return false;
  }
  return true;
}

int index_key_count(Oid index) {
  int count = 0;
  pg::read_syscache<Form_pg_index>(INDEXRELID, ObjectIdGetDatum(index),
                                   [&](auto* form, HeapTuple) { count = form->indnkeyatts; });
  return count;
}

// The unique index that the key will rely on.
Oid key_index(Oid table, const List* names) {
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(table)) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
    if (!HeapTupleIsValid(tuple)) continue;
    const bool is = is_key_of(tuple, table, names);
    ReleaseSysCache(tuple);
    if (is) return lfirst_oid(cell);
  }
  return InvalidOid;
}

bool same_names(const List* some, const List* others) {
  if (list_length(some) != list_length(others)) return false;
  ListCell* one = nullptr;
  ListCell* other = nullptr;
  forboth(one, some, other, others) {
    if (strcmp(strVal(lfirst(one)), strVal(lfirst(other))) != 0) return false;
  }
  return true;
}

// The same statement makes the unique index.
bool is_key_added(const Alteration& alteration, const List* names) {
  ListCell* cell = nullptr;
  foreach (cell, alteration.added_constraints) {
    const auto* key = static_cast<const Constraint*>(lfirst(cell));
    if (names == NIL && key->contype == CONSTR_PRIMARY) return true;
    const bool unique = key->contype == CONSTR_PRIMARY || key->contype == CONSTR_UNIQUE;
    if (unique && names != NIL && same_names(names, key->keys)) return true;
  }
  return false;
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
  foreach (cell, family_of(index)) add_lock(prediction, lfirst_oid(cell), AccessShareLock);
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

static void add_with_index(Alteration& alteration, Oid relation, const Constraint* constraint,
                           Oid index, KeyRows rows) {
  const Oid referenced = find_relation(alteration.prediction, constraint->pktable);
  lock_referenced(alteration, referenced, index);
  const bool checked =
      rows == KeyRows::kChecked && !constraint->skip_validation && is_enforced(constraint);
  add_to_partitions(alteration, relation,
                    {constraint->fk_attrs, referenced,
                     checked ? KeyRows::kChecked : KeyRows::kTrusted, constraint->fk_upd_action,
                     constraint->fk_del_action, constraint->fk_matchtype, constraint->deferrable});
}

void predict_add_foreign_key(Alteration& alteration, Oid relation, const Constraint* constraint,
                             KeyRows rows) {
  const Oid referenced = find_relation(alteration.prediction, constraint->pktable);
  if (refuses(alteration, relation, constraint, referenced)) return;
  const char* missing = missing_column(alteration, relation, constraint->fk_attrs);
  if (missing != nullptr) {
    server_refuses(alteration.prediction, psprintf("column \"%s\" does not exist", missing));
    return;
  }
  if (referenced == relation && is_key_added(alteration, constraint->pk_attrs)) {
    add_with_index(alteration, relation, constraint, InvalidOid, rows);
    return;
  }
  const Oid index = key_index(referenced, constraint->pk_attrs);
  if (!OidIsValid(index) || is_dropped(alteration, RelationRelationId, index)) {
    server_refuses(alteration.prediction,
                   "there is no unique constraint matching the given keys of the referenced table");
    return;
  }
  if (index_key_count(index) != Max(list_length(constraint->fk_attrs), 1)) {
    server_refuses(alteration.prediction, "number of referencing and referenced columns disagree");
    return;
  }
  add_with_index(alteration, relation, constraint, index, rows);
}

}  // namespace db_guard::effects
