#include "columns/stamp_injection.hpp"

#include "columns/column_settings.hpp"
#include "columns/stamp_clock.hpp"
#include "columns/trigger_call.hpp"
#include "pg/own_function.hpp"

extern "C" {
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(db_guard_stamp_unless_same);
}

namespace db_guard::columns {

namespace {

constexpr const char* kStampFunction = "stamp_unless_same";
constexpr int kFirstPair = 2;
// Where the parser says in which column of the text an expression stands. It never says this, so
// nobody can write a call that would pass for ours.
constexpr int kInjected = -4711;

Oid stamp_function() {
  const Oid types[] = {TIMESTAMPTZOID, INT4OID, ANYOID};
  return LookupFuncName(
      list_make2(makeString(pstrdup("db_guard")), makeString(pstrdup(kStampFunction))), 3, types,
      true);
}

bool sets_column(const List* targets, int column) {
  ListCell* cell = nullptr;
  foreach (cell, targets) {
    const auto* target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == column) return true;
  }
  return false;
}

bool is_enabled(const Trigger& trigger) {
  const char when = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA
                        ? TRIGGER_FIRES_ON_REPLICA
                        : TRIGGER_FIRES_ON_ORIGIN;
  return trigger.tgenabled == TRIGGER_FIRES_ALWAYS || trigger.tgenabled == when;
}

// Whether an UPDATE of these columns fires it, as far as its column list says.
bool fires_for(const Trigger& trigger, const List* targets) {
  if (!TRIGGER_TYPE_MATCHES(trigger.tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_BEFORE,
                            TRIGGER_TYPE_UPDATE) ||
      !is_enabled(trigger)) {
    return false;
  }
  for (int i = 0; i < trigger.tgnattr; i++) {
    if (sets_column(targets, trigger.tgattr[i])) return true;
  }
  return trigger.tgnattr == 0;
}

// The one trigger that fires before the update, when it is that of updated_at.
const Trigger* only_stamp_trigger(const TriggerDesc* all, const List* targets) {
  const Trigger* only = nullptr;
  for (int i = 0; i < all->numtriggers; i++) {
    const Trigger& trigger = all->triggers[i];
    if (!fires_for(trigger, targets)) continue;
    if (only != nullptr) return nullptr;
    only = &trigger;
  }
  const bool fits = only != nullptr && only->tgqual == nullptr && only->tgnargs > 0 &&
                    pg::is_own_function(only->tgfoid, "set_updated_at");
  return fits ? only : nullptr;
}

bool is_cheap(const Node* node);

bool are_cheap(const List* nodes) {
  ListCell* cell = nullptr;
  foreach (cell, nodes) {
    if (!is_cheap(static_cast<const Node*>(lfirst(cell)))) return false;
  }
  return true;
}

bool is_cheap_call(Oid function, Oid result, bool implicit, const List* arguments) {
  const bool small = get_typbyval(result) || result == NUMERICOID || implicit;
  return function < FirstNormalObjectId && small && are_cheap(arguments);
}

// Computing it a second time for the comparison costs less than a trigger.
bool is_cheap(const Node* node) {
  switch (nodeTag(node)) {
    case T_Const:
    case T_Var:
      return true;
    case T_Param:
      return reinterpret_cast<const Param*>(node)->paramkind == PARAM_EXTERN;
    case T_RelabelType:
      return is_cheap(
          reinterpret_cast<const Node*>(reinterpret_cast<const RelabelType*>(node)->arg));
    case T_OpExpr: {
      const auto* call = reinterpret_cast<const OpExpr*>(node);
      return !call->opretset &&
             is_cheap_call(get_opcode(call->opno), call->opresulttype, false, call->args);
    }
    case T_FuncExpr: {
      const auto* call = reinterpret_cast<const FuncExpr*>(node);
      return !call->funcretset &&
             is_cheap_call(call->funcid, call->funcresulttype,
                           call->funcformat == COERCE_IMPLICIT_CAST, call->args);
    }
    default:
      return false;
  }
}

bool may_compute_twice(const List* targets) {
  ListCell* cell = nullptr;
  foreach (cell, targets) {
    const auto* target = lfirst_node(TargetEntry, cell);
    if (target->resjunk || !is_cheap(reinterpret_cast<const Node*>(target->expr))) return false;
  }
  return !contain_volatile_functions(const_cast<Node*>(reinterpret_cast<const Node*>(targets)));
}

Node* column_variable(int relation, Form_pg_attribute attribute) {
  return reinterpret_cast<Node*>(makeVar(relation, attribute->attnum, attribute->atttypid,
                                         attribute->atttypmod, attribute->attcollation, 0));
}

// What the columns hold and what they shall hold.
List* old_and_new(const Query* query, TupleDesc shape) {
  List* pairs = NIL;
  ListCell* cell = nullptr;
  foreach (cell, query->targetList) {
    const auto* target = lfirst_node(TargetEntry, cell);
    const Form_pg_attribute attribute = TupleDescAttr(shape, target->resno - 1);
    if (attribute->attgenerated != '\0') continue;
    pairs = lappend(pairs, column_variable(query->resultRelation, attribute));
    pairs = lappend(pairs, copyObjectImpl(target->expr));
  }
  return pairs;
}

void add_stamp(Query* query, Relation table, const Trigger& trigger, int column) {
  const Oid function = stamp_function();
  if (!OidIsValid(function)) return;
  const TupleDesc shape = RelationGetDescr(table);
  const Form_pg_attribute attribute = TupleDescAttr(shape, column - 1);
  const auto clock = static_cast<int32>(clock_of_trigger(trigger));
  List* arguments = list_make2(
      column_variable(query->resultRelation, attribute),
      makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(clock), false, true));
  arguments = list_concat(arguments, old_and_new(query, shape));
  auto* call = makeFuncExpr(function, TIMESTAMPTZOID, arguments, InvalidOid, InvalidOid,
                            COERCE_EXPLICIT_CALL);
  call->location = kInjected;
  query->targetList =
      lappend(query->targetList,
              makeTargetEntry(reinterpret_cast<Expr*>(call), static_cast<AttrNumber>(column),
                              pstrdup(NameStr(attribute->attname)), false));
}

int column_named(TupleDesc shape, const char* name) {
  for (int i = 0; i < shape->natts; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(shape, i);
    if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0) return i + 1;
  }
  return 0;
}

bool takes_plain_stamp(TupleDesc shape, int column) {
  if (column == 0) return false;
  const Form_pg_attribute attribute = TupleDescAttr(shape, column - 1);
  return attribute->atttypid == TIMESTAMPTZOID && attribute->atttypmod < 0;
}

// Tables with children stay with the trigger: each child may have triggers of its own.
void inject_into_table(Query* query, Relation table) {
  const TriggerDesc* all = table->trigdesc;
  if (all == nullptr || !all->trig_update_before_row || table->rd_rel->relhassubclass) return;
  const Trigger* trigger = only_stamp_trigger(all, query->targetList);
  if (trigger == nullptr || !may_compute_twice(query->targetList)) return;
  const int column = column_named(RelationGetDescr(table), trigger->tgargs[0]);
  if (!takes_plain_stamp(RelationGetDescr(table), column)) return;
  if (sets_column(query->targetList, column)) return;
  add_stamp(query, table, *trigger, column);
}

void inject_stamp(Query* query) {
  const RangeTblEntry* target = rt_fetch(query->resultRelation, query->rtable);
  if (target->rtekind != RTE_RELATION || target->relkind != RELKIND_RELATION) return;
  // The parser or the plan cache holds the lock.
  Relation table = table_open(target->relid, NoLock);
  inject_into_table(query, table);
  table_close(table, NoLock);
}

bool is_injected(const TargetEntry* target) {
  return target->expr != nullptr && IsA(target->expr, FuncExpr) &&
         reinterpret_cast<const FuncExpr*>(target->expr)->location == kInjected;
}

bool plan_sets_stamp(const ModifyTable* plan) {
  const Plan* source = outerPlan(plan);
  if (source == nullptr || list_length(plan->resultRelations) != 1) return false;
  ListCell* cell = nullptr;
  foreach (cell, source->targetlist) {
    if (is_injected(lfirst_node(TargetEntry, cell))) return true;
  }
  return false;
}

// What the comparison knows about the type of a pair.
struct PairType {
  int16 length;
  bool by_value;
};

PairType* pair_types(FunctionCallInfo fcinfo) {
  if (fcinfo->flinfo->fn_extra != nullptr) return static_cast<PairType*>(fcinfo->flinfo->fn_extra);
  auto* types = static_cast<PairType*>(MemoryContextAllocZero(
      fcinfo->flinfo->fn_mcxt, sizeof(PairType) * static_cast<Size>(PG_NARGS())));
  for (int i = kFirstPair; i < PG_NARGS(); i++) {
    const Oid type = get_fn_expr_argtype(fcinfo->flinfo, i);
    if (!OidIsValid(type)) elog(ERROR, "the type of an argument is not known");
    get_typlenbyval(type, &types[i].length, &types[i].by_value);
  }
  fcinfo->flinfo->fn_extra = types;
  return types;
}

bool is_same_pair(FunctionCallInfo fcinfo, const PairType* types, int i) {
  if (PG_ARGISNULL(i) || PG_ARGISNULL(i + 1)) return PG_ARGISNULL(i) == PG_ARGISNULL(i + 1);
  if (types[i].length != types[i + 1].length) return false;
  return datum_image_eq(PG_GETARG_DATUM(i), PG_GETARG_DATUM(i + 1), types[i].by_value,
                        types[i].length);
}

bool are_all_same(FunctionCallInfo fcinfo) {
  const PairType* types = pair_types(fcinfo);
  for (int i = kFirstPair; i + 1 < PG_NARGS(); i += 2) {
    if (!is_same_pair(fcinfo, types, i)) return false;
  }
  return true;
}

Clock clock_argument(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(1)) return Clock::kTransaction;
  const int32 number = PG_GETARG_INT32(1);
  if (number == static_cast<int32>(Clock::kWall)) return Clock::kWall;
  return number == static_cast<int32>(Clock::kStatement) ? Clock::kStatement : Clock::kTransaction;
}

}  // namespace

void inject_stamps(Query* query) {
  if (query->commandType == CMD_UPDATE && query->resultRelation > 0) inject_stamp(query);
  if (!query->hasModifyingCTE) return;
  ListCell* cell = nullptr;
  foreach (cell, query->cteList) {
    auto* inner = reinterpret_cast<Query*>(lfirst_node(CommonTableExpr, cell)->ctequery);
    if (IsA(inner, Query)) inject_stamps(inner);
  }
}

void drop_injected_trigger(ModifyTableState* state) {
  if (state->mt_nrels != 1) return;
  TriggerDesc* triggers = state->resultRelInfo[0].ri_TrigDesc;
  if (triggers == nullptr || !triggers->trig_update_before_row) return;
  // The executor's own copy. No other trigger fires, or the plan would not set the column.
  if (plan_sets_stamp(reinterpret_cast<const ModifyTable*>(state->ps.plan))) {
    triggers->trig_update_before_row = false;
  }
}

}  // namespace db_guard::columns

using namespace db_guard::columns;

Datum db_guard_stamp_unless_same(PG_FUNCTION_ARGS) {
  if (PG_NARGS() > kFirstPair && !are_all_same(fcinfo) && column_settings().triggers) {
    StampClock clock = make_clock(TIMESTAMPTZOID, -1, clock_argument(fcinfo));
    PG_RETURN_DATUM(read_clock(clock));
  }
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
