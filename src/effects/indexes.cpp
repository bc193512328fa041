// CREATE INDEX, REINDEX and CLUSTER.
#include "effects/prediction.hpp"

#include "effects/index_match.hpp"
#include "effects/queries.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace db_guard::effects {

namespace {

struct Build {
  const IndexStmt* create;
  LOCKMODE lock;
};

void build_on(Prediction& prediction, const Build& build, Oid table);

// True where the table has an index that fits already.
bool takes_existing(Prediction& prediction, const Build& build, Oid table) {
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(table)) {
    if (!can_take_index(lfirst_oid(cell), table, build.create)) continue;
    add_lock(prediction, lfirst_oid(cell), build.lock);
    return true;
  }
  return false;
}

void build_on_partitions(Prediction& prediction, const Build& build, Oid parent) {
  ListCell* cell = nullptr;
  foreach (cell, find_inheritance_children(parent, NoLock)) {
    const Oid partition = lfirst_oid(cell);
    if (get_rel_relkind(partition) == RELKIND_FOREIGN_TABLE) {
      if (build.create->unique)
        server_refuses(prediction, "a partition is a foreign table, which has no unique index");
      continue;
    }
    if (!takes_existing(prediction, build, partition)) build_on(prediction, build, partition);
  }
}

void build_on(Prediction& prediction, const Build& build, Oid table) {
  RelationEffect* effect = add_lock(prediction, table, build.lock);
  if (get_rel_relkind(table) != RELKIND_PARTITIONED_TABLE)
    effect->index_build = true;
  else if (build.create->relation->inh)
    build_on_partitions(prediction, build, table);
}

void predict_elements(Prediction& prediction, Oid table, const IndexStmt* create) {
  ListCell* cell = nullptr;
  foreach (cell, create->indexParams) {
    const char* name = static_cast<const IndexElem*>(lfirst(cell))->name;
    if (name != nullptr && get_attnum(table, name) == InvalidAttrNumber)
      server_refuses(prediction, psprintf("column \"%s\" does not exist", name));
    predict_recorded_expression(prediction, static_cast<const IndexElem*>(lfirst(cell))->expr,
                                get_rel_type_id(table));
  }
  predict_recorded_expression(prediction, create->whereClause, get_rel_type_id(table));
}

void predict_create(Prediction& prediction, const IndexStmt* create) {
  const Oid table = need_relation(prediction, create->relation, false);
  if (!OidIsValid(table)) return;
  const char kind = get_rel_relkind(table);
  if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW && kind != RELKIND_PARTITIONED_TABLE) {
    server_refuses(prediction, psprintf("cannot create an index on relation \"%s\"",
                                        create->relation->relname));
    return;
  }
  predict_elements(prediction, table, create);
  // Nobody else sees a temporary table: nothing is done concurrently there.
  const bool concurrent = create->concurrent && get_rel_persistence(table) != RELPERSISTENCE_TEMP;
  const Build build = {create, concurrent ? ShareUpdateExclusiveLock : ShareLock};
  if (kind == RELKIND_PARTITIONED_TABLE && create->concurrent)
    server_refuses(prediction, "cannot create an index on a partitioned table concurrently");
  if (kind == RELKIND_PARTITIONED_TABLE && create->relation->inh)
    lock_family(prediction, table, build.lock);
  const bool there = create->idxname != nullptr &&
                     OidIsValid(get_relname_relid(create->idxname, get_rel_namespace(table)));
  if (!there) {
    build_on(prediction, build, table);
  } else if (create->if_not_exists) {
    add_lock(prediction, table, build.lock);
  } else {
    server_refuses(prediction, psprintf("relation \"%s\" already exists", create->idxname));
  }
}

bool is_concurrent(const ReindexStmt* reindex) {
  ListCell* cell = nullptr;
  bool concurrent = false;
  foreach (cell, reindex->params) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (strcmp(option->defname, "concurrently") == 0) concurrent = defGetBoolean(option);
  }
  return concurrent;
}

void reindex_index(Prediction& prediction, Oid index, LOCKMODE lock) {
  const Oid table = IndexGetRelation(index, true);
  RelationEffect* effect = add_lock(prediction, table, lock);
  if (get_rel_relkind(index) == RELKIND_INDEX) effect->index_build = true;
  add_lock(prediction, index, AccessExclusiveLock);
}

void reindex_table(Prediction& prediction, Oid table, LOCKMODE lock) {
  add_lock(prediction, table, lock);
  if (get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE) return;
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(table)) reindex_index(prediction, lfirst_oid(cell), lock);
}

void reindex_many(Prediction& prediction, Oid schema, LOCKMODE lock) {
  ::Relation classes = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(classes, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    if (OidIsValid(schema) && form->relnamespace != schema) continue;
    if (form->relkind == RELKIND_RELATION || form->relkind == RELKIND_MATVIEW)
      reindex_table(prediction, form->oid, lock);
  }
  systable_endscan(scan);
  table_close(classes, AccessShareLock);
}

void predict_reindex(Prediction& prediction, const ReindexStmt* reindex) {
  const LOCKMODE lock = is_concurrent(reindex) ? ShareUpdateExclusiveLock : ShareLock;
  switch (reindex->kind) {
    case REINDEX_OBJECT_SCHEMA:
      reindex_many(prediction, get_namespace_oid(reindex->name, false), lock);
      return;
    case REINDEX_OBJECT_DATABASE:
      reindex_many(prediction, InvalidOid, lock);
      return;
    case REINDEX_OBJECT_SYSTEM:
      return;
    default:
      break;
  }
  const Oid relation = need_relation(prediction, reindex->relation, false);
  if (!OidIsValid(relation)) return;
  const bool is_index = reindex->kind == REINDEX_OBJECT_INDEX;
  const char kind = get_rel_relkind(relation);
  const bool has_rows =
      kind == RELKIND_RELATION || kind == RELKIND_MATVIEW || kind == RELKIND_PARTITIONED_TABLE;
  if (is_index ? kind != RELKIND_INDEX && kind != RELKIND_PARTITIONED_INDEX : !has_rows) {
    server_refuses(prediction,
                   psprintf("\"%s\" is another kind of relation", reindex->relation->relname));
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, family_of(relation)) {
    if (is_index)
      reindex_index(prediction, lfirst_oid(cell), lock);
    else if (lfirst_oid(cell) == relation || kind == RELKIND_PARTITIONED_TABLE)
      reindex_table(prediction, lfirst_oid(cell), lock);
  }
}

bool is_clustered(Oid index) {
  bool clustered = false;
  pg::read_syscache<Form_pg_index>(
      INDEXRELID, ObjectIdGetDatum(index),
      [&](Form_pg_index form, HeapTuple) { clustered = form->indisclustered; });
  return clustered;
}

bool has_clustered_index(Oid table) {
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(table)) {
    if (is_clustered(lfirst_oid(cell))) return true;
  }
  return false;
}

void cluster_table(Prediction& prediction, Oid table) {
  RelationEffect* effect = add_lock(prediction, table, AccessExclusiveLock);
  if (get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE) return;
  effect->rewrite = true;
  effect->index_build = true;
  lock_indexes(prediction, table, AccessExclusiveLock);
}

void cluster_all(Prediction& prediction) {
  ::Relation classes = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(classes, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    const bool has_rows = form->relkind == RELKIND_RELATION || form->relkind == RELKIND_MATVIEW;
    if (has_rows && has_clustered_index(form->oid)) cluster_table(prediction, form->oid);
  }
  systable_endscan(scan);
  table_close(classes, AccessShareLock);
}

void predict_cluster(Prediction& prediction, const ClusterStmt* cluster) {
  if (cluster->relation == nullptr) {
    cluster_all(prediction);
    return;
  }
  const Oid table = need_relation(prediction, cluster->relation, false);
  if (!OidIsValid(table)) return;
  if (cluster->indexname != nullptr) {
    if (!OidIsValid(get_relname_relid(cluster->indexname, get_rel_namespace(table))))
      server_refuses(prediction, psprintf("index \"%s\" does not exist", cluster->indexname));
  } else if (!has_clustered_index(table)) {
    server_refuses(prediction, psprintf("there is no previously clustered index for table \"%s\"",
                                        cluster->relation->relname));
  }
  const bool whole_family = get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE;
  ListCell* cell = nullptr;
  foreach (cell, whole_family ? family_of(table) : list_make1_oid(table)) {
    cluster_table(prediction, lfirst_oid(cell));
  }
}

}  // namespace

bool predict_index(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_IndexStmt:
      predict_create(prediction, castNode(IndexStmt, tree));
      return true;
    case T_ReindexStmt:
      predict_reindex(prediction, castNode(ReindexStmt, tree));
      return true;
    case T_ClusterStmt:
      predict_cluster(prediction, castNode(ClusterStmt, tree));
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::effects
