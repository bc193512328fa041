#include "effects/index_match.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_clause.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::effects {

namespace {

// One column of the index that is asked for, as it would be on the table.
struct Wanted {
  AttrNumber number;  // 0 where it is an expression
  Oid type;
  Oid collation;
  Node* expression;
};

struct Names {
  Oid table;
};

// The columns of a table, without opening it.
Node* resolve_column(ParseState* state, ColumnRef* reference) {
  const Oid table = static_cast<const Names*>(state->p_ref_hook_state)->table;
  auto* last = static_cast<Node*>(llast(reference->fields));
  if (!IsA(last, String)) return nullptr;
  const AttrNumber number = get_attnum(table, strVal(last));
  if (number == InvalidAttrNumber) return nullptr;
  Oid type = InvalidOid;
  int32 modifier = -1;
  Oid collation = InvalidOid;
  get_atttypetypmodcoll(table, number, &type, &modifier, &collation);
  return reinterpret_cast<Node*>(makeVar(1, number, type, modifier, collation, 0));
}

Node* analyse(Names& names, const Node* raw, ParseExprKind kind) {
  ParseState* state = make_parsestate(nullptr);
  state->p_pre_columnref_hook = resolve_column;
  state->p_ref_hook_state = &names;
  auto* copy = static_cast<Node*>(copyObjectImpl(raw));
  Node* result = kind == EXPR_KIND_INDEX_PREDICATE
                     ? transformWhereClause(state, copy, kind, "WHERE")
                     : transformExpr(state, copy, kind);
  assign_expr_collations(state, result);
  return result;
}

Wanted read_element(Names& names, const IndexElem* element) {
  Wanted wanted{};
  int32 modifier = -1;
  if (element->name != nullptr) {
    wanted.number = get_attnum(names.table, element->name);
    get_atttypetypmodcoll(names.table, wanted.number, &wanted.type, &modifier, &wanted.collation);
  } else {
    Node* expression = analyse(names, element->expr, EXPR_KIND_INDEX_EXPRESSION);
    wanted.type = exprType(expression);
    wanted.collation = exprCollation(expression);
    while (IsA(expression, CollateExpr))
      expression = reinterpret_cast<Node*>(castNode(CollateExpr, expression)->arg);
    if (IsA(expression, Var))
      wanted.number = castNode(Var, expression)->varattno;
    else
      wanted.expression = expression;
  }
  if (element->collation != NIL) wanted.collation = get_collation_oid(element->collation, false);
  return wanted;
}

struct Existing {
  Form_pg_index form;
  const oidvector* classes;
  const oidvector* collations;
  Oid method;
};

bool is_same_key(const Existing& existing, int position, const Wanted& wanted,
                 const IndexElem* element, const IndexStmt* create) {
  if (existing.form->indkey.values[position] != wanted.number) return false;
  if (existing.collations->values[position] != wanted.collation) return false;
  const Oid wanted_class =
      ResolveOpClass(element->opclass, wanted.type, create->accessMethod, existing.method);
  return get_opclass_family(existing.classes->values[position]) == get_opclass_family(wanted_class);
}

bool has_same_columns(const Existing& existing, Names& names, const IndexStmt* create,
                      List** expressions) {
  int position = 0;
  ListCell* cell = nullptr;
  foreach (cell, create->indexParams) {
    const auto* element = static_cast<const IndexElem*>(lfirst(cell));
    const Wanted wanted = read_element(names, element);
    if (!is_same_key(existing, position++, wanted, element, create)) return false;
    if (wanted.expression != nullptr) *expressions = lappend(*expressions, wanted.expression);
  }
  foreach (cell, create->indexIncludingParams) {
    const Wanted wanted = read_element(names, static_cast<const IndexElem*>(lfirst(cell)));
    if (existing.form->indkey.values[position++] != wanted.number) return false;
  }
  return true;
}

bool has_same_shape(const Existing& existing, const IndexStmt* create) {
  const FormData_pg_index* form = existing.form;
  return form->indisunique == create->unique && !form->indisexclusion &&
         create->excludeOpNames == NIL && form->indnullsnotdistinct == create->nulls_not_distinct &&
         existing.method == get_index_am_oid(create->accessMethod, false) &&
         form->indnkeyatts == list_length(create->indexParams) &&
         form->indnatts == form->indnkeyatts + list_length(create->indexIncludingParams);
}

// What is in the catalog was simplified when it was read.
bool is_same_expression(const List* known, List* wanted) {
  if (equal(known, wanted)) return true;
  return equal(known, eval_const_expressions(nullptr, reinterpret_cast<Node*>(wanted)));
}

bool has_same_expressions(::Relation index, Names& names, List* expressions,
                          const Node* condition) {
  if (!is_same_expression(RelationGetIndexExpressions(index), expressions)) return false;
  List* wanted = NIL;
  if (condition != nullptr) {
    wanted = make_ands_implicit(
        reinterpret_cast<Expr*>(analyse(names, condition, EXPR_KIND_INDEX_PREDICATE)));
  }
  return is_same_expression(RelationGetIndexPredicate(index), wanted);
}

bool is_match(::Relation index, Oid table, const IndexStmt* create) {
  bool is_null = false;
  const auto* classes = reinterpret_cast<const oidvector*>(DatumGetPointer(
      SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indclass, &is_null)));
  const auto* collations = reinterpret_cast<const oidvector*>(DatumGetPointer(
      SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indcollation, &is_null)));
  const Existing existing = {index->rd_index, classes, collations, index->rd_rel->relam};
  Names names = {table};
  List* expressions = NIL;
  return has_same_shape(existing, create) &&
         has_same_columns(existing, names, create, &expressions) &&
         has_same_expressions(index, names, expressions, create->whereClause);
}

}  // namespace

bool can_take_index(Oid index, Oid table, const IndexStmt* create) {
  if (has_superclass(index)) return false;
  ::Relation relation = RelationIdGetRelation(index);
  if (relation == nullptr) return false;
  const bool match = is_match(relation, table, create);
  RelationClose(relation);
  return match;
}

}  // namespace db_guard::effects
