#include "effects/queries.hpp"

#include "effects/dependencies.hpp"
#include "effects/effects_version.hpp"
#include "effects/query_names.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "optimizer/optimizer.h"
#include "rewrite/prs2lock.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::effects {

namespace {

struct Run {
  Prediction* prediction;
  QueryStep step;
  bool has_condition;
  List* columns;  // names of columns that the query speaks of
};

void follow(Run run, const List* named);

void add_all_locks(Prediction& prediction, const List* all) {
  ListCell* cell = nullptr;
  foreach (cell, all) {
    const auto* named = static_cast<const Named*>(lfirst(cell));
    add_lock(prediction, named->relation, named->lock);
  }
}

// The definition of a view, and what it locks in turn. A change of a view becomes a change of the
// table behind it.
void follow_view(Run run, const Named& view) {
  ::Relation relation = RelationIdGetRelation(view.relation);
  if (relation == nullptr) return;
  QueryWalk walk{};
  walk.view = view.relation;
  walk.has_condition = run.has_condition;
  walk.pushed_down = view.lock == RowShareLock;
  const RuleLock* rules = relation->rd_rules;
  for (int i = 0; rules != nullptr && i < rules->numLocks; i++) {
    if (rules->rules[i]->event != CMD_SELECT) continue;
    ListCell* cell = nullptr;
    foreach (cell, rules->rules[i]->actions) {
      (void)walk_query(static_cast<Node*>(lfirst(cell)), &walk);
    }
  }
  RelationClose(relation);
  if (view.command != CMD_SELECT) {
    run.prediction->estimated = true;
    ListCell* cell = nullptr;
    foreach (cell, walk.named) {
      auto* named = static_cast<Named*>(lfirst(cell));
      named->lock = RowExclusiveLock;
      named->command = view.command;
    }
  }
  add_all_locks(*run.prediction, walk.named);
  run.has_condition = walk.has_condition;
  run.columns = list_concat_copy(walk.columns, run.columns);
  follow(run, walk.named);
}

bool may_have_rows(char kind) { return kind == RELKIND_RELATION || kind == RELKIND_MATVIEW; }

bool has_no_pages(Oid relation) {
  ::Relation table = RelationIdGetRelation(relation);
  if (table == nullptr) return true;
  const bool empty = may_have_rows(table->rd_rel->relkind) && RelationGetNumberOfBlocks(table) == 0;
  RelationClose(table);
  return empty;
}

// Rules say what else is done, or instead; policies and triggers may do anything.
void follow_rules(const Run& run, const Named& named) {
  ::Relation table = RelationIdGetRelation(named.relation);
  if (table == nullptr) return;
  if (table->rd_rel->relrowsecurity) run.prediction->estimated = true;
  if (named.command != CMD_SELECT && table->trigdesc != nullptr) run.prediction->estimated = true;
  QueryWalk walk{};
  walk.view = named.relation;
  const RuleLock* rules = table->rd_rules;
  for (int i = 0; rules != nullptr && i < rules->numLocks; i++) {
    const RewriteRule* rule = rules->rules[i];
    if (rule->event != named.command || named.command == CMD_SELECT) continue;
    ListCell* cell = nullptr;
    foreach (cell, rule->actions) (void)walk_query(static_cast<Node*>(lfirst(cell)), &walk);
  }
  RelationClose(table);
  if (walk.named == NIL) return;
  run.prediction->estimated = true;
  add_all_locks(*run.prediction, walk.named);
  follow({run.prediction, run.step, true, walk.columns}, walk.named);
}

bool has_planned_indexes(char kind) {
  return may_have_rows(kind) ||
         (plans_with_indexes_of_partitioned_tables() && kind == RELKIND_PARTITIONED_TABLE);
}

void lock_with_indexes(Prediction& prediction, Oid table, LOCKMODE lock) {
  add_lock(prediction, table, lock);
  if (has_planned_indexes(get_rel_relkind(table))) lock_indexes(prediction, table, lock);
}

bool changes_key(const ForeignKeyCacheInfo* key, const Named& named) {
  if (named.command != CMD_UPDATE || named.targets == NIL) return true;
  ListCell* cell = nullptr;
  foreach (cell, named.targets) {
    const char* name = static_cast<const ResTarget*>(lfirst(cell))->name;
    const AttrNumber number = name != nullptr ? get_attnum(named.relation, name) : 0;
    for (int i = 0; i < key->nkeys; i++) {
      if (key->conkey[i] == number) return true;
    }
  }
  return false;
}

// Every row that comes or changes is looked up in the tables that its keys refer to.
void lock_referenced(Prediction& prediction, const Named& named) {
  ::Relation relation = RelationIdGetRelation(named.relation);
  if (relation == nullptr) return;
  ListCell* cell = nullptr;
  foreach (cell, RelationGetFKeyList(relation)) {
    const auto* key = static_cast<const ForeignKeyCacheInfo*>(lfirst(cell));
    if (!changes_key(key, named)) continue;
    ListCell* part = nullptr;
    foreach (part, family_of(key->confrelid)) {
      lock_with_indexes(prediction, lfirst_oid(part), RowShareLock);
    }
  }
  RelationClose(relation);
}

bool names_column_of(const List* columns, Oid table, ::Relation index) {
  const AttrNumber first = index->rd_index->indkey.values[0];
  if (first != 0) {
    const char* name = get_attname(table, first, true);
    return name != nullptr && is_in(columns, name);
  }
  ListCell* cell = nullptr;
  foreach (cell, pull_var_clause(reinterpret_cast<Node*>(RelationGetIndexExpressions(index)),
                                 PVC_RECURSE_PLACEHOLDERS)) {
    const char* name = get_attname(table, castNode(Var, lfirst(cell))->varattno, true);
    if (name != nullptr && is_in(columns, name)) return true;
  }
  return false;
}

// Only an index that begins with a column that the query speaks of is of use.
bool may_use_an_index(const Run& run, Oid table) {
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(table)) {
    ::Relation index = RelationIdGetRelation(lfirst_oid(cell));
    if (index == nullptr) continue;
    const bool named = names_column_of(run.columns, table, index);
    RelationClose(index);
    if (named) return true;
  }
  return false;
}

void follow_table(const Run& run, const Named& named) {
  Prediction& prediction = *run.prediction;
  prediction.estimated = true;
  List* family = named.family ? family_of(named.relation) : list_make1_oid(named.relation);
  ListCell* cell = nullptr;
  foreach (cell, family) {
    const Oid table = lfirst_oid(cell);
    const char kind = get_rel_relkind(table);
    RelationEffect* effect = add_lock(prediction, table, named.lock);
    if (has_planned_indexes(kind)) lock_indexes(prediction, table, named.lock);
    if (run.step == QueryStep::kRun && may_have_rows(kind) && !named.unread &&
        (!run.has_condition || !may_use_an_index(run, table))) {
      effect->scan = true;
    }
  }
}

// Defaults that count on, and identity columns.
void lock_sequences(Prediction& prediction, Oid table) {
  ListCell* cell = nullptr;
  foreach (cell, relations_behind_defaults(table)) {
    if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_SEQUENCE)
      add_lock(prediction, lfirst_oid(cell), RowExclusiveLock);
  }
  foreach (cell, getOwnedSequences(table)) {
    Oid owner = InvalidOid;
    int32 column = 0;
    if (sequenceIsOwned(lfirst_oid(cell), DEPENDENCY_INTERNAL, &owner, &column))
      add_lock(prediction, lfirst_oid(cell), RowExclusiveLock);
  }
}

// The executor lets go of the indexes that it fills. Rows go where they belong, which is known when
// they come: any partition may be next.
void follow_insert(const Run& run, const Named& named) {
  Prediction& prediction = *run.prediction;
  prediction.estimated = true;
  if (named.finds_conflicts) lock_with_indexes(prediction, named.relation, RowExclusiveLock);
  if (run.step != QueryStep::kRun) return;
  if (get_rel_relkind(named.relation) == RELKIND_PARTITIONED_TABLE)
    lock_family(prediction, named.relation, RowExclusiveLock);
  lock_sequences(prediction, named.relation);
  lock_referenced(prediction, named);
}

// Rows that refer to one that goes away are looked for, or go with it.
void lock_referencing(Prediction& prediction, Oid table) {
  ::Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_constraint_confrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(table));
  SysScanDesc scan = systable_beginscan(constraints, InvalidOid, false, nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    const bool looks = form->confdeltype == FKCONSTR_ACTION_NOACTION ||
                       form->confdeltype == FKCONSTR_ACTION_RESTRICT;
    ListCell* cell = nullptr;
    foreach (cell, family_of(form->conrelid)) {
      lock_with_indexes(prediction, lfirst_oid(cell), looks ? RowShareLock : RowExclusiveLock);
    }
  }
  systable_endscan(scan);
  table_close(constraints, AccessShareLock);
}

void follow_one(const Run& run, const Named& named) {
  const char kind = get_rel_relkind(named.relation);
  if (kind == RELKIND_VIEW) {
    follow_view(run, named);
    return;
  }
  follow_rules(run, named);
  if (run.step < QueryStep::kPlanned) return;
  if (named.command == CMD_INSERT)
    follow_insert(run, named);
  else
    follow_table(run, named);
  if (run.step == QueryStep::kRun && named.command == CMD_DELETE && !has_no_pages(named.relation))
    lock_referencing(*run.prediction, named.relation);
  if (run.step == QueryStep::kRun && named.command == CMD_UPDATE && !has_no_pages(named.relation))
    lock_referenced(*run.prediction, named);
}

void follow(Run run, const List* named) {
  check_stack_depth();
  ListCell* cell = nullptr;
  foreach (cell, named) follow_one(run, *static_cast<const Named*>(lfirst(cell)));
}

}  // namespace

namespace {

void predict_raw(RawWalk& walk, Node* raw_query, QueryStep step) {
  walk.run = step == QueryStep::kRun;
  (void)walk_raw(raw_query, &walk);
  if (walk.makes_columns || walk.recorded) lock_types_of_columns(walk);
  if (step == QueryStep::kParsed) return;
  if (walk.has_function && step >= QueryStep::kPlanned) walk.prediction->estimated = true;
  follow({walk.prediction, step, walk.has_condition, walk.columns}, walk.named);
}

}  // namespace

void predict_raw_query(Prediction& prediction, Node* raw_query, QueryStep step) {
  RawWalk walk{};
  walk.prediction = &prediction;
  predict_raw(walk, raw_query, step);
}

void predict_new_relation(Prediction& prediction, Node* raw_query, QueryStep step) {
  RawWalk walk{};
  walk.prediction = &prediction;
  walk.makes_columns = true;
  predict_raw(walk, raw_query, step);
}

void predict_new_view(Prediction& prediction, Node* raw_query) {
  RawWalk walk{};
  walk.prediction = &prediction;
  walk.makes_columns = true;
  walk.recorded = true;
  predict_raw(walk, raw_query, QueryStep::kParsed);
}

void predict_recorded_query(Prediction& prediction, Node* raw_query) {
  RawWalk walk{};
  walk.prediction = &prediction;
  walk.recorded = true;
  predict_raw(walk, raw_query, QueryStep::kParsed);
}

void predict_recorded_expression(Prediction& prediction, Node* expression, Oid composite) {
  RawWalk walk{};
  walk.prediction = &prediction;
  walk.recorded = true;
  predict_raw(walk, expression, QueryStep::kParsed);
  if (walk.has_field && OidIsValid(composite)) lock_column_type(prediction, composite);
}

void predict_analysed_query(Prediction& prediction, Query* query, QueryStep step) {
  QueryWalk walk{};
  (void)walk_query(reinterpret_cast<Node*>(query), &walk);
  add_all_locks(prediction, walk.named);
  if (step > QueryStep::kParsed)
    follow({&prediction, step, walk.has_condition, walk.columns}, walk.named);
}

void predict_view_definition(Prediction& prediction, Oid view, QueryStep step) {
  const Named named = {view, AccessShareLock, CMD_SELECT, false, NIL, false, false};
  follow_view({&prediction, step, false, NIL}, named);
}

void predict_query(Prediction& prediction, Node* raw_query, QueryUse use) {
  predict_raw_query(prediction, raw_query,
                    use == QueryUse::kParsed ? QueryStep::kParsed : QueryStep::kRun);
}

}  // namespace db_guard::effects
