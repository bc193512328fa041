// Views, and what hangs on tables: rules, triggers and policies.
#include "effects/prediction.hpp"

#include "effects/dependencies.hpp"
#include "effects/effects_version.hpp"
#include "effects/queries.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_policy.h"
#include "commands/policy.h"
#include "commands/trigger.h"
#include "parser/parse_func.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace db_guard::effects {

namespace {

void predict_create_view(Prediction& prediction, const ViewStmt* create) {
  predict_new_view(prediction, create->query);
  const char* name = create->view->relname;
  const Oid existing = find_namesake(prediction, create->view);
  if (!OidIsValid(existing)) return;
  if (!create->replace)
    server_refuses(prediction, psprintf("relation \"%s\" already exists", name));
  else if (get_rel_relkind(existing) != RELKIND_VIEW)
    server_refuses(prediction, psprintf("\"%s\" is not a view", name));
  add_lock(prediction, existing, AccessExclusiveLock);
}

bool is_populated(Oid view) {
  ::Relation relation = RelationIdGetRelation(view);
  if (relation == nullptr) return true;
  const bool populated = relation->rd_rel->relispopulated;
  RelationClose(relation);
  return populated;
}

// A condition that is true of all rows is none for the server, which only it can tell.
bool has_unique_index(Oid view) {
  bool found = false;
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(view)) {
    pg::read_syscache<Form_pg_index>(
        INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)), [&](Form_pg_index form, HeapTuple tuple) {
          found |= form->indisunique && form->indisvalid && form->indimmediate &&
                   heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
        });
  }
  return found;
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
  if (refresh->concurrent && !has_unique_index(view))
    server_refuses(prediction, "CONCURRENTLY needs a unique index over all rows");
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
  const Oid table = need_relation(prediction, rule->relation, false);
  RelationEffect* effect = add_lock(prediction, table, AccessExclusiveLock);
  if (rule->event == CMD_SELECT && get_rel_relkind(table) != RELKIND_VIEW) {
    // It used to make a view of a table, which had to be empty.
    if (rule_makes_view_of_table() && get_rel_relkind(table) == RELKIND_RELATION)
      effect->scan = true;
    else
      server_refuses(prediction, "the relation cannot have an ON SELECT rule");
  }
  predict_recorded_expression(prediction, rule->whereClause);
  ListCell* cell = nullptr;
  foreach (cell, rule->actions) {
    auto* action = static_cast<Node*>(lfirst(cell));
    if (!IsA(action, NotifyStmt)) predict_recorded_query(prediction, action);
  }
}

void predict_trigger(Prediction& prediction, const CreateTrigStmt* create) {
  const Oid table = need_relation(prediction, create->relation, false);
  if (!OidIsValid(table)) return;
  const char kind = get_rel_relkind(table);
  if (kind == RELKIND_MATVIEW || kind == RELKIND_INDEX || kind == RELKIND_SEQUENCE)
    server_refuses(prediction,
                   psprintf("relation \"%s\" cannot have triggers", create->relation->relname));
  if (!create->replace && OidIsValid(get_trigger_oid(table, create->trigname, true)))
    server_refuses(prediction, psprintf("trigger \"%s\" already exists", create->trigname));
  (void)LookupFuncName(create->funcname, 0, nullptr, false);
  const bool goes_down = create->row && kind == RELKIND_PARTITIONED_TABLE;
  if (goes_down)
    lock_family(prediction, table, ShareRowExclusiveLock);
  else
    add_lock(prediction, table, ShareRowExclusiveLock);
  if (create->isconstraint && create->constrrel != nullptr) {
    add_lock(prediction, need_relation(prediction, create->constrrel, false), AccessShareLock);
  }
}

void predict_create_policy(Prediction& prediction, const CreatePolicyStmt* create) {
  const Oid table = need_relation(prediction, create->table, false);
  add_lock(prediction, table, AccessExclusiveLock);
  if (OidIsValid(table) && OidIsValid(get_relation_policy_oid(table, create->policy_name, true)))
    server_refuses(prediction, psprintf("policy \"%s\" already exists", create->policy_name));
  predict_recorded_expression(prediction, create->qual);
  predict_recorded_expression(prediction, create->with_check);
}

bool keeps_a_condition(Oid policy, const AlterPolicyStmt* alter) {
  bool keeps = false;
  ::Relation policies = table_open(PolicyRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_policy_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(policy));
  SysScanDesc scan = systable_beginscan(policies, PolicyOidIndexId, true, nullptr, 1, &key);
  HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    const TupleDesc columns = RelationGetDescr(policies);
    keeps = (alter->qual == nullptr && !heap_attisnull(tuple, Anum_pg_policy_polqual, columns)) ||
            (alter->with_check == nullptr &&
             !heap_attisnull(tuple, Anum_pg_policy_polwithcheck, columns));
  }
  systable_endscan(scan);
  table_close(policies, AccessShareLock);
  return keeps;
}

// The conditions that stay are recorded anew.
void predict_alter_policy(Prediction& prediction, const AlterPolicyStmt* alter) {
  const Oid table = need_relation(prediction, alter->table, false);
  if (!OidIsValid(table)) return;
  add_lock(prediction, table, AccessExclusiveLock);
  const Oid policy = get_relation_policy_oid(table, alter->policy_name, false);
  if (keeps_a_condition(policy, alter)) lock_dependencies_of(prediction, PolicyRelationId, policy);
  predict_recorded_expression(prediction, alter->qual);
  predict_recorded_expression(prediction, alter->with_check);
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
    case T_CreatePolicyStmt:
      predict_create_policy(prediction, castNode(CreatePolicyStmt, tree));
      return true;
    case T_AlterPolicyStmt:
      predict_alter_policy(prediction, castNode(AlterPolicyStmt, tree));
      return true;
    default:
      return false;
  }
}

}  // namespace db_guard::effects
