// Views, and what hangs on tables: rules, triggers and policies.
#include "effects/prediction.hpp"

#include "effects/queries.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace db_guard::effects {

namespace {

void predict_create_view(Prediction& prediction, const ViewStmt* create) {
  predict_raw_query(prediction, create->query, QueryStep::kParsed);
  RangeVar name = *create->view;
  const Oid schema = RangeVarGetAndCheckCreationNamespace(&name, NoLock, nullptr);
  const Oid existing = get_relname_relid(name.relname, schema);
  if (!OidIsValid(existing)) return;
  if (!create->replace)
    server_refuses(prediction, psprintf("relation \"%s\" already exists", name.relname));
  else if (get_rel_relkind(existing) != RELKIND_VIEW)
    server_refuses(prediction, psprintf("\"%s\" is not a view", name.relname));
  add_lock(prediction, existing, AccessExclusiveLock);
}

bool is_populated(Oid view) {
  ::Relation relation = RelationIdGetRelation(view);
  if (relation == nullptr) return true;
  const bool populated = relation->rd_rel->relispopulated;
  RelationClose(relation);
  return populated;
}

void predict_refresh(Prediction& prediction, const RefreshMatViewStmt* refresh) {
  const Oid view = need_relation(prediction, refresh->relation, false);
  if (!OidIsValid(view)) return;
  if (get_rel_relkind(view) != RELKIND_MATVIEW) {
    server_refuses(prediction,
                   psprintf("\"%s\" is not a materialized view", refresh->relation->relname));
    return;
  }
  const LOCKMODE lock = refresh->concurrent ? ExclusiveLock : AccessExclusiveLock;
  RelationEffect* effect = add_lock(prediction, view, lock);
  if (refresh->concurrent && !is_populated(view))
    server_refuses(prediction, "CONCURRENTLY cannot be used when it is not populated");
  if (!refresh->skipData) predict_view_definition(prediction, view, QueryStep::kRun);
  lock_indexes(prediction, view, refresh->concurrent ? RowExclusiveLock : AccessExclusiveLock);
  if (refresh->concurrent) {
    effect->scan = true;
    prediction.estimated = true;
    return;
  }
  effect->rewrite = true;
  effect->index_build = indexes_of(view) != NIL;
}

void predict_rule(Prediction& prediction, const RuleStmt* rule) {
  add_lock(prediction, need_relation(prediction, rule->relation, false), AccessExclusiveLock);
  predict_raw_expression(prediction, rule->whereClause);
  ListCell* cell = nullptr;
  foreach (cell, rule->actions) {
    auto* action = static_cast<Node*>(lfirst(cell));
    if (!IsA(action, NotifyStmt)) predict_raw_query(prediction, action, QueryStep::kParsed);
  }
}

void predict_trigger(Prediction& prediction, const CreateTrigStmt* create) {
  const Oid table = need_relation(prediction, create->relation, false);
  if (!OidIsValid(table)) return;
  const bool goes_down = create->row && get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE;
  if (goes_down)
    lock_family(prediction, table, ShareRowExclusiveLock);
  else
    add_lock(prediction, table, ShareRowExclusiveLock);
  if (create->isconstraint && create->constrrel != nullptr) {
    add_lock(prediction, need_relation(prediction, create->constrrel, false), AccessShareLock);
  }
}

void predict_policy(Prediction& prediction, const RangeVar* table, Node* using_condition,
                    Node* check) {
  add_lock(prediction, need_relation(prediction, table, false), AccessExclusiveLock);
  predict_raw_expression(prediction, using_condition);
  predict_raw_expression(prediction, check);
}

}  // namespace

bool predict_view(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_ViewStmt:
      predict_create_view(prediction, castNode(ViewStmt, tree));
      return true;
    case T_RefreshMatViewStmt:
      predict_refresh(prediction, castNode(RefreshMatViewStmt, tree));
      return true;
    case T_RuleStmt:
      predict_rule(prediction, castNode(RuleStmt, tree));
      return true;
    case T_CreateTrigStmt:
      predict_trigger(prediction, castNode(CreateTrigStmt, tree));
      return true;
    case T_CreatePolicyStmt: {
      const auto* create = castNode(CreatePolicyStmt, tree);
      predict_policy(prediction, create->table, create->qual, create->with_check);
      return true;
    }
    case T_AlterPolicyStmt: {
      const auto* alter = castNode(AlterPolicyStmt, tree);
      predict_policy(prediction, alter->table, alter->qual, alter->with_check);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace db_guard::effects
