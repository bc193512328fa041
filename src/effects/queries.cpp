#include "effects/queries.hpp"

#include "effects/dependencies.hpp"
#include "effects/effects_version.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/dependency.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "catalog/namespace.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "parser/parse_clause.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "rewrite/prs2lock.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::effects {

namespace {

// A relation as a query names it.
struct Named {
  Oid relation;
  LOCKMODE lock;
  CmdType command;       // CMD_SELECT, or what is done to it
  bool family;           // with its children
  const List* targets;   // ResTarget*, of UPDATE; NIL where they are not known
  bool unread;           // no row of it can come through
  bool finds_conflicts;  // ON CONFLICT (...)
};

struct RawWalk {
  Prediction* prediction;
  List* named;        // Named*
  List* with_names;   // of WITH queries in sight
  List* locked;       // aliases in FOR UPDATE and the like
  bool all_locked;    // FOR UPDATE of everything
  bool has_function;  // calls something
  bool has_condition;
  List* columns;   // names of columns, wherever they stand
  bool has_field;  // selects a field of a composite value
  bool has_star;
  bool run;
  bool makes_columns;  // what it selects becomes columns of a new relation
  bool recorded;       // goes into the catalog, with its dependencies
};

bool walk_raw(Node* node, void* context);

Named* add_named(RawWalk& walk, const RangeVar* name, LOCKMODE lock, CmdType command) {
  const Oid relation = need_relation(*walk.prediction, name, false);
  if (!OidIsValid(relation)) return nullptr;
  auto* named = static_cast<Named*>(palloc(sizeof(Named)));
  *named = {relation, lock, command, name->inh, NIL, false, false};
  walk.named = lappend(walk.named, named);
  add_lock(*walk.prediction, relation, lock);
  return named;
}

bool is_in(const List* names, const char* wanted) {
  ListCell* cell = nullptr;
  foreach (cell, names) {
    if (strcmp(static_cast<const char*>(lfirst(cell)), wanted) == 0) return true;
  }
  return false;
}

const char* called(const RangeVar* name) {
  return name->alias != nullptr ? name->alias->aliasname : name->relname;
}

void walk_name(RawWalk& walk, const RangeVar* name) {
  if (name->schemaname == nullptr && is_in(walk.with_names, name->relname)) return;
  const bool locked = walk.all_locked || is_in(walk.locked, called(name));
  add_named(walk, name, locked ? RowShareLock : AccessShareLock, CMD_SELECT);
}

// Without RECURSIVE, a query sees the ones before it.
void walk_with(RawWalk& walk, const WithClause* with) {
  if (with == nullptr) return;
  ListCell* cell = nullptr;
  if (with->recursive) {
    foreach (cell, with->ctes) {
      walk.with_names =
          lappend(walk.with_names, static_cast<CommonTableExpr*>(lfirst(cell))->ctename);
    }
  }
  foreach (cell, with->ctes) {
    auto* query = static_cast<CommonTableExpr*>(lfirst(cell));
    walk_raw(query->ctequery, &walk);
    if (!with->recursive) walk.with_names = lappend(walk.with_names, query->ctename);
  }
}

void note_locking(RawWalk& walk, const SelectStmt* select) {
  ListCell* cell = nullptr;
  foreach (cell, select->lockingClause) {
    const auto* clause = static_cast<const LockingClause*>(lfirst(cell));
    if (clause->lockedRels == NIL) walk.all_locked = true;
    ListCell* name = nullptr;
    foreach (name, clause->lockedRels) {
      walk.locked = lappend(walk.locked, static_cast<RangeVar*>(lfirst(name))->relname);
    }
  }
}

bool walk_rest(Node* node, RawWalk& walk) {
  return raw_expression_tree_walker(node, as_walker(walk_raw), &walk);
}

bool is_not_constant(Node* node, void* context) {
  if (node == nullptr) return false;
  switch (nodeTag(node)) {
    case T_ColumnRef:
    case T_FuncCall:
    case T_SubLink:
    case T_ParamRef:
    case T_SQLValueFunction:
      return true;
    default:
      return raw_expression_tree_walker(node, as_walker(is_not_constant), context);
  }
}

// WHERE false, LIMIT 0: the usual ways to take the columns of a table without its rows.
bool reads_nothing(const SelectStmt* select) {
  if (select->limitCount != nullptr && IsA(select->limitCount, A_Const)) {
    const auto* limit = castNode(A_Const, select->limitCount);
    if (!limit->isnull && IsA(&limit->val, Integer) && intVal(&limit->val) == 0) return true;
  }
  if (select->whereClause == nullptr || is_not_constant(select->whereClause, nullptr)) return false;
  Node* condition = transformWhereClause(make_parsestate(nullptr),
                                         static_cast<Node*>(copyObjectImpl(select->whereClause)),
                                         EXPR_KIND_WHERE, "WHERE");
  condition = eval_const_expressions(nullptr, condition);
  if (!IsA(condition, Const)) return false;
  const auto* value = castNode(Const, condition);
  return value->constisnull || !DatumGetBool(value->constvalue);
}

void walk_select(RawWalk& outer, const SelectStmt* select) {
  RawWalk walk = outer;
  walk_with(walk, select->withClause);
  note_locking(walk, select);
  SelectStmt copy = *select;
  copy.withClause = nullptr;
  copy.intoClause = nullptr;
  copy.lockingClause = NIL;
  if (select->whereClause != nullptr || select->limitCount != nullptr) walk.has_condition = true;
  const int named_before = list_length(walk.named);
  (void)walk_rest(reinterpret_cast<Node*>(&copy), walk);
  for (int i = named_before; reads_nothing(select) && i < list_length(walk.named); i++) {
    static_cast<Named*>(list_nth(walk.named, i))->unread = true;
  }
  outer.named = walk.named;
  outer.has_function |= walk.has_function;
  outer.has_condition |= walk.has_condition;
  outer.columns = walk.columns;
  outer.has_field |= walk.has_field;
  outer.has_star |= walk.has_star;
}

void note_target(Named& target, const UpdateStmt* update) { target.targets = update->targetList; }
void note_target(Named& target, const InsertStmt* insert) {
  target.finds_conflicts =
      insert->onConflictClause != nullptr && insert->onConflictClause->infer != nullptr;
}
void note_target(Named&, const DeleteStmt*) {}
void note_target(Named&, const MergeStmt*) {}

template <class Statement>
void walk_change(RawWalk& outer, Statement* statement, CmdType command) {
  RawWalk walk = outer;
  Named* target = add_named(walk, statement->relation, RowExclusiveLock, command);
  if (target != nullptr) note_target(*target, statement);
  walk_with(walk, statement->withClause);
  Statement copy = *statement;
  copy.withClause = nullptr;
  copy.relation = nullptr;
  (void)walk_rest(reinterpret_cast<Node*>(&copy), walk);
  outer.named = walk.named;
  outer.has_function |= walk.has_function;
  outer.has_condition |= walk.has_condition;
  outer.columns = walk.columns;
  outer.has_field |= walk.has_field;
  outer.has_star |= walk.has_star;
}

// 'name' or 'name'::regclass
const char* constant_text(Node* node) {
  if (IsA(node, TypeCast)) {
    const auto* cast = castNode(TypeCast, node);
    if (strcmp(strVal(llast(cast->typeName->names)), "regclass") != 0) return nullptr;
    node = cast->arg;
  }
  if (!IsA(node, A_Const)) return nullptr;
  const auto* constant = castNode(A_Const, node);
  return !constant->isnull && IsA(&constant->val, String) ? strVal(&constant->val) : nullptr;
}

// A column of a composite type depends on the type.
void note_output(const RawWalk& walk, const ResTarget* target) {
  if (!walk.makes_columns || target->val == nullptr || !IsA(target->val, TypeCast)) return;
  const TypeName* name = castNode(TypeCast, target->val)->typeName;
  const Oid type = LookupTypeNameOid(nullptr, name, true);
  if (OidIsValid(type)) lock_column_type(*walk.prediction, type);
}

// The types of what the query takes over from the relations that it names.
void lock_types_of_columns(const RawWalk& walk) {
  ListCell* cell = nullptr;
  foreach (cell, walk.named) {
    const Oid relation = static_cast<const Named*>(lfirst(cell))->relation;
    if (walk.has_field || (walk.makes_columns && walk.has_star))
      lock_column_types(*walk.prediction, relation);
    if (!walk.makes_columns) continue;
    ListCell* column = nullptr;
    foreach (column, walk.columns) {
      const AttrNumber number = get_attnum(relation, static_cast<const char*>(lfirst(column)));
      if (number != InvalidAttrNumber)
        lock_column_type(*walk.prediction, get_atttype(relation, number));
    }
  }
}

bool is_about_a_sequence(const char* function) {
  return strcmp(function, "nextval") == 0 || strcmp(function, "currval") == 0 ||
         strcmp(function, "setval") == 0;
}

void note_call(RawWalk& walk, const FuncCall* call) {
  walk.has_function = true;
  const char* function = strVal(llast(call->funcname));
  // An index knows the first and the last.
  if (strcmp(function, "min") == 0 || strcmp(function, "max") == 0) walk.has_condition = true;
  if ((!walk.recorded && !walk.run) || call->args == NIL || !is_about_a_sequence(function)) return;
  const char* name = constant_text(static_cast<Node*>(linitial(call->args)));
  if (name == nullptr) return;
  const Oid sequence =
      need_relation(*walk.prediction, makeRangeVarFromNameList(names_in(name)), false);
  if (walk.recorded)
    lock_dependency(*walk.prediction, sequence);
  else
    add_lock(*walk.prediction, sequence, RowExclusiveLock);
}

// Columns of a row that a function returns are those of its type.
void note_function_in_from(const RawWalk& walk, const FuncCall* call) {
  const FuncCandidateList found =
      FuncnameGetCandidates(call->funcname, list_length(call->args), NIL, true, true, false, true);
  if (found == nullptr || found->next != nullptr) return;
  const Oid type = get_func_rettype(found->oid);
  if (get_typtype(type) == TYPTYPE_COMPOSITE)
    lock_dependency(*walk.prediction, get_typ_typrelid(type));
}

void note_range_function(const RawWalk& walk, const RangeFunction* range) {
  ListCell* cell = nullptr;
  foreach (cell, range->functions) {
    auto* call = static_cast<Node*>(linitial(static_cast<List*>(lfirst(cell))));
    if (walk.recorded && IsA(call, FuncCall)) note_function_in_from(walk, castNode(FuncCall, call));
  }
}

bool walk_raw(Node* node, void* context) {
  auto& walk = *static_cast<RawWalk*>(context);
  if (node == nullptr) return false;
  switch (nodeTag(node)) {
    case T_RangeVar:
      walk_name(walk, castNode(RangeVar, node));
      return false;
    case T_SelectStmt:
      walk_select(walk, castNode(SelectStmt, node));
      return false;
    case T_InsertStmt:
      walk_change(walk, castNode(InsertStmt, node), CMD_INSERT);
      return false;
    case T_UpdateStmt:
      walk.has_condition |= castNode(UpdateStmt, node)->whereClause != nullptr;
      walk_change(walk, castNode(UpdateStmt, node), CMD_UPDATE);
      return false;
    case T_DeleteStmt:
      walk.has_condition |= castNode(DeleteStmt, node)->whereClause != nullptr;
      walk_change(walk, castNode(DeleteStmt, node), CMD_DELETE);
      return false;
    case T_MergeStmt:
      walk.has_condition = true;
      walk_change(walk, castNode(MergeStmt, node), CMD_MERGE);
      return false;
    case T_ReturnStmt:
      return walk_raw(castNode(ReturnStmt, node)->returnval, context);
    case T_A_Indirection:
      walk.has_field = true;
      return walk_rest(node, walk);
    case T_ResTarget:
      note_output(walk, castNode(ResTarget, node));
      return walk_rest(node, walk);
    case T_ColumnRef: {
      auto* last = static_cast<Node*>(llast(castNode(ColumnRef, node)->fields));
      if (IsA(last, String)) walk.columns = lappend(walk.columns, strVal(last));
      walk.has_star |= IsA(last, A_Star);
      return false;
    }
    case T_RangeFunction:
      note_range_function(walk, castNode(RangeFunction, node));
      return walk_rest(node, walk);
    case T_FuncCall:
      note_call(walk, castNode(FuncCall, node));
      return walk_rest(node, walk);
    case T_ColumnDef:
    case T_XmlSerialize:
      return false;
    default:
      return walk_rest(node, walk);
  }
}

// What a query that has been analysed names.
struct QueryWalk {
  List* named;
  Oid view;            // whose definition it is: it names itself
  const Query* query;  // the innermost
  List* columns;       // names of columns in conditions
  bool has_condition;
  bool pushed_down;  // FOR UPDATE of the view
};

void name_entry(QueryWalk& walk, const RangeTblEntry* entry) {
  if (entry->rtekind != RTE_RELATION || entry->relid == walk.view) return;
  const Query* query = walk.query;
  const bool is_target = query != nullptr && query->resultRelation > 0 &&
                         rt_fetch(query->resultRelation, query->rtable) == entry;
  auto* named = static_cast<Named*>(palloc(sizeof(Named)));
  const LOCKMODE lock = walk.pushed_down ? Max(entry->rellockmode, RowShareLock)
                                         : static_cast<LOCKMODE>(entry->rellockmode);
  *named = {entry->relid, lock,  is_target ? query->commandType : CMD_SELECT, entry->inh,
            NIL,          false, is_target && query->onConflict != nullptr};
  walk.named = lappend(walk.named, named);
}

void note_conditions(QueryWalk& walk, const Query* query) {
  if (query->limitCount != nullptr) walk.has_condition = true;
  if (query->jointree == nullptr || query->jointree->quals == nullptr) return;
  walk.has_condition = true;
  ListCell* cell = nullptr;
  foreach (cell, pull_var_clause(query->jointree->quals, PVC_RECURSE_AGGREGATES |
                                                             PVC_RECURSE_WINDOWFUNCS |
                                                             PVC_RECURSE_PLACEHOLDERS)) {
    const auto* column = castNode(Var, lfirst(cell));
    if (column->varlevelsup != 0 || column->varattno <= 0) continue;
    const RangeTblEntry* entry = rt_fetch(column->varno, query->rtable);
    if (entry->rtekind == RTE_RELATION)
      walk.columns = lappend(walk.columns, get_attname(entry->relid, column->varattno, true));
  }
}

bool walk_query(Node* node, void* context) {
  auto& walk = *static_cast<QueryWalk*>(context);
  if (node == nullptr) return false;
  if (IsA(node, RangeTblEntry)) {
    name_entry(walk, reinterpret_cast<const RangeTblEntry*>(node));
    return false;
  }
  if (IsA(node, Query)) {
    auto* query = reinterpret_cast<Query*>(node);
    const Query* outer = walk.query;
    walk.query = query;
    note_conditions(walk, query);
    (void)query_tree_walker(query, as_walker(walk_query), &walk, QTW_EXAMINE_RTES_BEFORE);
    walk.query = outer;
    return false;
  }
  return expression_tree_walker(node, as_walker(walk_query), &walk);
}

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
