// VACUUM, ANALYZE, LOCK, COPY, and the commands of a session.
#include "effects/prediction.hpp"

#include "effects/queries.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

#include "effects/effects_version.hpp"

namespace db_guard::effects {

namespace {

struct Upkeep {
  bool vacuum;
  bool full;
  bool analyze;
  bool only_database_stats;
};

Upkeep read_options(const VacuumStmt* vacuum) {
  Upkeep upkeep = {vacuum->is_vacuumcmd, false, !vacuum->is_vacuumcmd, false};
  ListCell* cell = nullptr;
  foreach (cell, vacuum->options) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (strcmp(option->defname, "full") == 0) upkeep.full = defGetBoolean(option);
    if (strcmp(option->defname, "analyze") == 0) upkeep.analyze = defGetBoolean(option);
    if (strcmp(option->defname, "only_database_stats") == 0)
      upkeep.only_database_stats = defGetBoolean(option);
  }
  return upkeep;
}

void vacuum_one(Prediction& prediction, const Upkeep& upkeep, Oid table) {
  const char kind = get_rel_relkind(table);
  if (kind == RELKIND_PARTITIONED_TABLE)
    add_lock(prediction, table, upkeep.full ? AccessExclusiveLock : ShareUpdateExclusiveLock);
  if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW) return;
  if (!upkeep.full) {
    add_lock(prediction, table, ShareUpdateExclusiveLock);
    lock_indexes(prediction, table, RowExclusiveLock);
    return;
  }
  RelationEffect* effect = add_lock(prediction, table, AccessExclusiveLock);
  effect->rewrite = true;
  effect->index_build = indexes_of(table) != NIL;
  lock_indexes(prediction, table, AccessExclusiveLock);
}

// Parents are sampled with their children.
void analyze_one(Prediction& prediction, Oid table) {
  const char kind = get_rel_relkind(table);
  if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW && kind != RELKIND_PARTITIONED_TABLE &&
      kind != RELKIND_FOREIGN_TABLE) {
    return;
  }
  add_lock(prediction, table, ShareUpdateExclusiveLock);
  if (kind != RELKIND_PARTITIONED_TABLE) lock_indexes(prediction, table, AccessShareLock);
  if (has_subclass(table)) lock_family(prediction, table, AccessShareLock);
}

void keep_up(Prediction& prediction, const Upkeep& upkeep, Oid table) {
  if (!may_maintain(table)) return;
  if (upkeep.vacuum) vacuum_one(prediction, upkeep, table);
  if (upkeep.analyze) analyze_one(prediction, table);
}

void keep_up_named(Prediction& prediction, const Upkeep& upkeep, const VacuumRelation* target) {
  const Oid table = target->relation != nullptr ? need_relation(prediction, target->relation, false)
                                                : target->oid;
  if (!OidIsValid(table)) return;
  const bool family =
      get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE || upkeep_follows_inheritance();
  if (!family || (target->relation != nullptr && !target->relation->inh)) {
    keep_up(prediction, upkeep, table);
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, family_of(table)) keep_up(prediction, upkeep, lfirst_oid(cell));
}

void keep_up_all(Prediction& prediction, const Upkeep& upkeep) {
  ::Relation classes = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(classes, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    const bool has_rows = form->relkind == RELKIND_RELATION || form->relkind == RELKIND_MATVIEW ||
                          form->relkind == RELKIND_PARTITIONED_TABLE;
    if (has_rows) keep_up(prediction, upkeep, form->oid);
  }
  systable_endscan(scan);
  table_close(classes, AccessShareLock);
}

void predict_vacuum(Prediction& prediction, const VacuumStmt* vacuum) {
  const Upkeep upkeep = read_options(vacuum);
  if (upkeep.only_database_stats) return;
  if (vacuum->rels == NIL) {
    keep_up_all(prediction, upkeep);
    return;
  }
  ListCell* cell = nullptr;
  foreach (cell, vacuum->rels) {
    keep_up_named(prediction, upkeep, static_cast<const VacuumRelation*>(lfirst(cell)));
  }
}

struct ViewLock {
  Prediction* prediction;
  LOCKMODE lock;
  List* above;  // views that are being locked
};

void lock_view(const ViewLock& lock, Oid view);

bool lock_in_view(Node* node, void* context) {
  const auto& lock = *static_cast<const ViewLock*>(context);
  if (node == nullptr) return false;
  if (IsA(node, RangeTblEntry)) {
    const auto* entry = reinterpret_cast<const RangeTblEntry*>(node);
    if (entry->rtekind != RTE_RELATION || list_member_oid(lock.above, entry->relid)) return false;
    const char kind = get_rel_relkind(entry->relid);
    if (kind == RELKIND_VIEW) {
      lock_view(lock, entry->relid);
    } else if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) {
      if (entry->inh)
        lock_family(*lock.prediction, entry->relid, lock.lock);
      else
        add_lock(*lock.prediction, entry->relid, lock.lock);
    }
    return false;
  }
  if (IsA(node, Query)) {
    return query_tree_walker(reinterpret_cast<Query*>(node), as_walker(lock_in_view), context,
                             QTW_EXAMINE_RTES_BEFORE);
  }
  return expression_tree_walker(node, as_walker(lock_in_view), context);
}

// LOCK of a view is one of everything in it.
void lock_view(const ViewLock& outer, Oid view) {
  check_stack_depth();
  add_lock(*outer.prediction, view, outer.lock);
  ::Relation relation = RelationIdGetRelation(view);
  if (relation == nullptr) return;
  ViewLock lock = outer;
  lock.above = lappend_oid(list_copy(outer.above), view);
  const RuleLock* rules = relation->rd_rules;
  for (int i = 0; rules != nullptr && i < rules->numLocks; i++) {
    if (rules->rules[i]->event != CMD_SELECT) continue;
    ListCell* cell = nullptr;
    foreach (cell, rules->rules[i]->actions) {
      (void)lock_in_view(static_cast<Node*>(lfirst(cell)), &lock);
    }
  }
  RelationClose(relation);
}

void predict_lock(Prediction& prediction, const LockStmt* lock) {
  ListCell* cell = nullptr;
  foreach (cell, lock->relations) {
    const auto* name = static_cast<const RangeVar*>(lfirst(cell));
    const Oid relation = need_relation(prediction, name, false);
    if (!OidIsValid(relation)) continue;
    const char kind = get_rel_relkind(relation);
    if (kind == RELKIND_VIEW)
      lock_view({&prediction, lock->mode, NIL}, relation);
    else if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
      server_refuses(prediction, psprintf("cannot lock relation \"%s\"", name->relname));
    else if (name->inh)
      lock_family(prediction, relation, lock->mode);
    else
      add_lock(prediction, relation, lock->mode);
  }
}

void predict_copy(Prediction& prediction, const CopyStmt* copy) {
  if (copy->query != nullptr) {
    predict_raw_query(prediction, copy->query, QueryStep::kRun);
    return;
  }
  const Oid table = need_relation(prediction, copy->relation, false);
  if (!OidIsValid(table)) return;
  const char kind = get_rel_relkind(table);
  if (!copy->is_from) {
    if (!copies_out(kind))
      server_refuses(prediction, psprintf("cannot copy from \"%s\", which is no plain table",
                                          copy->relation->relname));
    add_lock(prediction, table, AccessShareLock)->scan = true;
    return;
  }
  add_lock(prediction, table, RowExclusiveLock);
  if (kind == RELKIND_PARTITIONED_TABLE) lock_family(prediction, table, RowExclusiveLock);
  // Triggers, keys, and partitions as their rows come.
  prediction.estimated = true;
}

bool locks_nothing(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_CheckPointStmt:
    case T_ClosePortalStmt:
    case T_ConstraintsSetStmt:
    case T_DeallocateStmt:
    case T_DiscardStmt:
    case T_FetchStmt:
    case T_ListenStmt:
    case T_LoadStmt:
    case T_NotifyStmt:
    case T_TransactionStmt:
    case T_UnlistenStmt:
    case T_VariableSetStmt:
    case T_VariableShowStmt:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool predict_maintenance(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_VacuumStmt:
      predict_vacuum(prediction, castNode(VacuumStmt, tree));
      return true;
    case T_LockStmt:
      predict_lock(prediction, castNode(LockStmt, tree));
      return true;
    case T_CopyStmt:
      predict_copy(prediction, castNode(CopyStmt, tree));
      return true;
    default:
      return locks_nothing(tree);
  }
}

}  // namespace db_guard::effects
