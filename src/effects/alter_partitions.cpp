// ATTACH and DETACH PARTITION, apart from the keys that come and go with a partition.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

#include "ddl/catalog_facts.hpp"

extern "C" {
#include "access/attmap.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_utilcmd.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::effects {

namespace {

constexpr const char* kProof = "its constraints imply the partition's";

// Two open relations without locks; both are there or neither.
struct Pair {
  ::Relation parent;
  ::Relation partition;
};

Pair open_pair(Oid parent, Oid partition) {
  Pair pair{RelationIdGetRelation(parent), RelationIdGetRelation(partition)};
  if (pair.parent != nullptr && pair.partition != nullptr) return pair;
  if (pair.parent != nullptr) RelationClose(pair.parent);
  if (pair.partition != nullptr) RelationClose(pair.partition);
  return {nullptr, nullptr};
}

void close_pair(const Pair& pair) {
  RelationClose(pair.parent);
  RelationClose(pair.partition);
}

bool same_index(::Relation one, ::Relation other, const AttrMap* map) {
  return CompareIndexInfo(BuildIndexInfo(one), BuildIndexInfo(other), one->rd_indcollation,
                          other->rd_indcollation, one->rd_opfamily, other->rd_opfamily,
                          const_cast<AttrMap*>(map));
}

// An index of the partition that will do for the parent's. One that stands for a constraint has to
// belong to a constraint as well.
bool serves(const Pair& tables, Oid own, Oid parents, const AttrMap* map) {
  const Pair indexes = open_pair(parents, own);
  if (indexes.parent == nullptr) return false;
  const bool constraint =
      OidIsValid(get_relation_idx_constraint_oid(RelationGetRelid(tables.parent), parents));
  const bool free =
      !indexes.partition->rd_rel->relispartition && indexes.partition->rd_index->indisvalid;
  const bool backed =
      !constraint ||
      OidIsValid(get_relation_idx_constraint_oid(RelationGetRelid(tables.partition), own));
  const bool same = free && backed && same_index(indexes.partition, indexes.parent, map);
  close_pair(indexes);
  return same;
}

Oid index_that_serves(const Pair& tables, Oid parents, const AttrMap* map, const List* taken) {
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(RelationGetRelid(tables.partition))) {
    const Oid own = lfirst_oid(cell);
    if (!list_member_oid(taken, own) && serves(tables, own, parents, map)) return own;
  }
  return InvalidOid;
}

void build_missing(Alteration& alteration, Oid parent_index, Oid parent, Oid partition);

// The partitions below get the index that their parent has got, or give one that will do.
void build_on(Alteration& alteration, Oid parent_index, Oid parent, Oid table) {
  if (get_rel_relkind(table) == RELKIND_RELATION) {
    altered_table(alteration, table).builds_index = true;
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(table, NoLock)) {
    build_missing(alteration, parent_index, parent, lfirst_oid(cell));
  }
}

void build_missing(Alteration& alteration, Oid parent_index, Oid parent, Oid partition) {
  const Pair tables = open_pair(parent, partition);
  if (tables.parent == nullptr) return;
  const AttrMap* map = map_of_columns(tables.partition, tables.parent);
  const Oid own = index_that_serves(tables, parent_index, map, NIL);
  close_pair(tables);
  if (OidIsValid(own)) {
    add_lock(alteration.prediction, own, ShareLock);
  } else {
    build_on(alteration, parent_index, parent, partition);
  }
}

void ensure_indexes(Alteration& alteration, const Pair& tables, const AttrMap* map) {
  if (tables.partition->rd_rel->relkind == RELKIND_FOREIGN_TABLE) return;
  List* taken = NIL;
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(RelationGetRelid(tables.parent))) {
    const Oid index = lfirst_oid(cell);
    if (get_rel_relkind(index) != RELKIND_PARTITIONED_INDEX) continue;
    add_lock(alteration.prediction, index, ShareUpdateExclusiveLock);
    const Oid own = index_that_serves(tables, index, map, taken);
    if (OidIsValid(own)) {
      taken = lappend_oid(taken, own);
    } else {
      build_on(alteration, index, RelationGetRelid(tables.parent),
               RelationGetRelid(tables.partition));
    }
  }
}

bool is_implied(const Alteration& alteration, ::Relation table, List* constraint) {
  const ScriptState* script = alteration.prediction.script;
  if (script == nullptr || !is_altered(*script, RelationGetRelid(table))) {
    return PartConstraintImpliedByRelConstraint(table, constraint);
  }
  return is_implied_by_then(*script, table, constraint);
}

// Rows are read unless the table's constraints imply the new one, at this level or further down.
void validate_bound(Alteration& alteration, ::Relation table, List* constraint) {
  const Oid id = RelationGetRelid(table);
  if (is_implied(alteration, table, constraint)) {
    altered_table(alteration, id).proof = kProof;
    add_lock(alteration.prediction, id, AccessExclusiveLock)->proof = kProof;
    return;
  }
  if (table->rd_rel->relkind == RELKIND_RELATION) altered_table(alteration, id).verify = true;
  if (table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) return;
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(id, NoLock)) {
    add_lock(alteration.prediction, lfirst_oid(cell), AccessExclusiveLock);
    ::Relation part = RelationIdGetRelation(lfirst_oid(cell));
    if (part == nullptr) continue;
    List* mapped =
        map_partition_varattnos(static_cast<List*>(copyObjectImpl(constraint)), 1, part, table);
    validate_bound(alteration, part, mapped);
    RelationClose(part);
  }
}

// The partitioned table's own bounds, read with ACCESS SHARE on those above it.
List* qual_of_parent(Alteration& alteration, ::Relation parent) {
  if (!parent->rd_rel->relispartition) return NIL;
  List* ancestors = get_partition_ancestors(RelationGetRelid(parent));
  ListCell* cell = nullptr;
  foreach (cell, ancestors) {
    add_lock(alteration.prediction, lfirst_oid(cell), AccessShareLock);
    if (ddl::lock_without_waiting(lfirst_oid(cell))) continue;
    alteration.prediction.estimated = true;
    return NIL;
  }
  return RelationGetPartitionQual(parent);
}

void validate_partition(Alteration& alteration, const Pair& tables, List* bound) {
  List* constraint = list_concat(bound, qual_of_parent(alteration, tables.parent));
  if (constraint == NIL) return;
  constraint =
      reinterpret_cast<List*>(eval_const_expressions(nullptr, reinterpret_cast<Node*>(constraint)));
  constraint = list_make1(make_ands_explicit(constraint));
  constraint = map_partition_varattnos(constraint, 1, tables.partition, tables.parent);
  validate_bound(alteration, tables.partition, constraint);
}

void validate_default(Alteration& alteration, ::Relation parent, Oid partition, List* bound) {
  ::Relation table = RelationIdGetRelation(partition);
  if (table == nullptr) return;
  List* constraint = get_proposed_default_constraint(bound);
  validate_bound(alteration, table, map_partition_varattnos(constraint, 1, table, parent));
  RelationClose(table);
}

void attach(Alteration& alteration, const Pair& tables, const PartitionBoundSpec* raw,
            Oid default_partition) {
  ParseState* state = make_parsestate(nullptr);
  auto* given = static_cast<PartitionBoundSpec*>(copyObjectImpl(raw));
  PartitionBoundSpec* bound = transformPartitionBound(state, tables.parent, given);
  check_new_partition_bound(RelationGetRelationName(tables.partition), tables.parent, bound, state);
  const AttrMap* map = map_of_columns(tables.partition, tables.parent);
  ensure_indexes(alteration, tables, map);
  predict_cloned_triggers(alteration, RelationGetRelid(tables.parent));
  predict_attached_keys(alteration, RelationGetRelid(tables.parent),
                        RelationGetRelid(tables.partition));
  List* qual = get_qual_from_partbound(tables.parent, bound);
  validate_partition(alteration, tables, list_copy(qual));
  if (OidIsValid(default_partition)) {
    validate_default(alteration, tables.parent, default_partition, qual);
  }
}

bool misses_relation(Alteration& alteration, Oid relation, const RangeVar* name) {
  if (OidIsValid(relation)) return false;
  server_refuses(alteration.prediction, psprintf("relation \"%s\" does not exist", name->relname));
  return true;
}

// Right or wrong parent; the server says so when it is too late for anything else.
bool is_partition_of(Alteration& alteration, Oid partition, Oid parent) {
  const bool is =
      get_rel_relispartition(partition) && get_partition_parent(partition, true) == parent;
  if (!is) server_refuses(alteration.prediction, "the relation is not a partition of the table");
  return is;
}

// With the last part an index becomes valid, which may make the one above it valid.
void validate_above(Alteration& alteration, Oid index, Oid new_part) {
  const Oid table = IndexGetRelation(index, false);
  List* parts = list_append_unique_oid(find_inheritance_children(index, NoLock), new_part);
  bool complete = list_length(parts) == list_length(find_inheritance_children(table, NoLock));
  ListCell* cell = nullptr;
  foreach (cell, parts) {
    complete &= lfirst_oid(cell) == new_part || get_index_isvalid(lfirst_oid(cell));
  }
  if (!complete || get_index_isvalid(index) || !get_rel_relispartition(index)) return;
  const Oid above = get_partition_parent(index, true);
  add_lock(alteration.prediction, above, AccessExclusiveLock);
  add_lock(alteration.prediction, IndexGetRelation(above, false), AccessExclusiveLock);
  validate_above(alteration, above, index);
}

void detach_indexes(Alteration& alteration, Oid partition) {
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(partition)) {
    if (!has_superclass(lfirst_oid(cell))) continue;
    add_lock(alteration.prediction, lfirst_oid(cell), AccessExclusiveLock);
  }
}

void detach(Alteration& alteration, Oid partition, KeyRows references) {
  ListCell* cell = nullptr;
  foreach (cell, family_of(partition)) {
    if (get_rel_relkind(partition) != RELKIND_PARTITIONED_TABLE && lfirst_oid(cell) != partition) {
      continue;
    }
    add_lock(alteration.prediction, lfirst_oid(cell), AccessExclusiveLock);
  }
  predict_detached_keys(alteration, partition, references);
  detach_indexes(alteration, partition);
}

const char* why_not_attached(Oid relation, Oid partition) {
  if (list_member_oid(family_of(partition), relation)) return "circular inheritance not allowed";
  const bool temporary = get_rel_persistence(partition) == RELPERSISTENCE_TEMP;
  if (temporary != (get_rel_persistence(relation) == RELPERSISTENCE_TEMP)) {
    return "cannot attach a temporary relation to a permanent one, nor the other way round";
  }
  return why_not_heir(relation, partition);
}

}  // namespace

void predict_attach(Alteration& alteration, Oid relation, const PartitionCmd* command) {
  const Oid partition = find_relation(alteration.prediction, command->name);
  if (misses_relation(alteration, partition, command->name)) return;
  if (get_rel_relkind(relation) != RELKIND_PARTITIONED_TABLE) {
    server_refuses(alteration.prediction, "the table is not partitioned");
    return;
  }
  if (get_rel_relispartition(partition)) {
    server_refuses(alteration.prediction, "the table is already a partition");
    return;
  }
  const char* refusal = why_not_attached(relation, partition);
  if (refusal != nullptr) {
    server_refuses(alteration.prediction, refusal);
    return;
  }
  const Oid default_partition = get_default_partition_oid(relation);
  if (OidIsValid(default_partition)) {
    add_lock(alteration.prediction, default_partition, AccessExclusiveLock);
  }
  ListCell* cell = nullptr;
  foreach (cell, family_of(partition)) {
    add_lock(alteration.prediction, lfirst_oid(cell), AccessExclusiveLock);
  }
  const Pair tables = open_pair(relation, partition);
  if (tables.parent == nullptr) return;
  attach(alteration, tables, command->bound, default_partition);
  close_pair(tables);
}

void predict_detach(Alteration& alteration, Oid relation, const PartitionCmd* command) {
  const Oid partition = find_relation(alteration.prediction, command->name);
  if (misses_relation(alteration, partition, command->name)) return;
  if (!is_partition_of(alteration, partition, relation)) return;
  const Oid default_partition = get_default_partition_oid(relation);
  if (OidIsValid(default_partition)) {
    if (command->concurrent) {
      server_refuses(alteration.prediction,
                     "cannot detach partitions concurrently when a default partition exists");
      return;
    }
    add_lock(alteration.prediction, default_partition, AccessExclusiveLock);
  }
  detach(alteration, partition, KeyRows::kChecked);
}

void predict_detach_finalize(Alteration& alteration, Oid, const PartitionCmd* command) {
  const Oid partition = find_relation(alteration.prediction, command->name);
  if (misses_relation(alteration, partition, command->name)) return;
  detach(alteration, partition, KeyRows::kTrusted);
}

void predict_attach_index(Alteration& alteration, Oid index, const PartitionCmd* command) {
  const Oid part = find_relation(alteration.prediction, command->name);
  if (misses_relation(alteration, part, command->name)) return;
  add_lock(alteration.prediction, IndexGetRelation(index, false), AccessShareLock);
  add_lock(alteration.prediction, IndexGetRelation(part, false), AccessShareLock);
  add_lock(alteration.prediction, part, AccessExclusiveLock);
  if (get_index_isvalid(part)) validate_above(alteration, index, part);
}

}  // namespace db_guard::effects
