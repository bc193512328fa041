#include "effects/query_names.hpp"

#include "effects/dependencies.hpp"
#include "effects/effects_version.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_clause.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

Named* add_named(RawWalk& walk, const RangeVar* name, LOCKMODE lock, CmdType command) {
  const Oid relation = need_relation(*walk.prediction, name, false);
  if (!OidIsValid(relation)) return nullptr;
  auto* named = static_cast<Named*>(palloc(sizeof(Named)));
  *named = {relation, lock, command, name->inh, NIL, false, false};
  walk.named = lappend(walk.named, named);
  add_lock(*walk.prediction, relation, lock);
  return named;
}

// Names in sight within a query are not in sight outside.
RawWalk inner_walk(const RawWalk& outer) {
  RawWalk walk = outer;
  walk.with_names = list_copy(outer.with_names);
  walk.locked = list_copy(outer.locked);
  return walk;
}

void take_over(RawWalk& outer, const RawWalk& walk) {
  outer.named = walk.named;
  outer.has_function |= walk.has_function;
  outer.has_condition |= walk.has_condition;
  outer.columns = walk.columns;
  outer.has_field |= walk.has_field;
  outer.has_star |= walk.has_star;
}

// FOR UPDATE reaches into queries in FROM, and into no other.
void walk_sub_query(RawWalk& outer, Node* node, bool locked) {
  RawWalk walk = inner_walk(outer);
  walk.all_locked = locked;
  walk.locked = NIL;
  (void)raw_expression_tree_walker(node, as_walker(walk_raw), &walk);
  take_over(outer, walk);
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
  RawWalk walk = inner_walk(outer);
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
  take_over(outer, walk);
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
  RawWalk walk = inner_walk(outer);
  Named* target = add_named(walk, statement->relation, RowExclusiveLock, command);
  if (target != nullptr) note_target(*target, statement);
  walk_with(walk, statement->withClause);
  Statement copy = *statement;
  copy.withClause = nullptr;
  copy.relation = nullptr;
  (void)walk_rest(reinterpret_cast<Node*>(&copy), walk);
  take_over(outer, walk);
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

}  // namespace

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
      walk.has_field |= castNode(ResTarget, node)->indirection != NIL;
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
    case T_SubLink:
      walk_sub_query(walk, node, false);
      return false;
    case T_RangeSubselect: {
      const Alias* alias = castNode(RangeSubselect, node)->alias;
      walk_sub_query(walk, node,
                     walk.all_locked || (alias != nullptr && is_in(walk.locked, alias->aliasname)));
      return false;
    }
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

}  // namespace db_guard::effects
