// What the constraints of a table will prove once the script's own are valid, too.
#include "effects/prediction.hpp"

#include "ddl/plain_facts.hpp"
#include "ddl/resolve_columns.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "utils/rel.h"
}

namespace db_guard::effects {

namespace {

// In the form that predicate_implied_by compares.
List* parts_of(Node* expression) {
  expression = eval_const_expressions(nullptr, expression);
  return make_ands_implicit(canonicalize_qual(reinterpret_cast<Expr*>(expression), true));
}

Node* analysed(Oid table, const Node* raw) {
  ParseState* state = ddl::parse_state_of(&table);
  Node* expression =
      transformExpr(state, static_cast<Node*>(copyObjectImpl(raw)), EXPR_KIND_CHECK_CONSTRAINT);
  expression = coerce_to_boolean(state, expression, "CHECK");
  assign_expr_collations(state, expression);
  return expression;
}

// NOT NULL of the catalog, or of the script.
List* not_nulls(const ScriptState& script, ::Relation table) {
  const Oid id = RelationGetRelid(table);
  List* parts = NIL;
  for (int i = 0; i < RelationGetNumberOfAttributes(table); i++) {
    const FormData_pg_attribute* column = TupleDescAttr(RelationGetDescr(table), i);
    if (column->attisdropped) continue;
    if (!column->attnotnull && !is_proven_not_null(script, id, NameStr(column->attname))) continue;
    parts = lappend(parts, ddl::not_null_test(id, column->attnum));
  }
  return parts;
}

bool is_valid_by_then(const ScriptState& script, Oid table, const ConstrCheck& check) {
  const ScriptConstraint* known = find_constraint(script, table, check.ccname);
  if (known == nullptr) return check.ccvalid;
  return !known->gone && (check.ccvalid || known->validated) && known->definition == nullptr;
}

List* stored_checks(const ScriptState& script, ::Relation table) {
  List* parts = NIL;
  const TupleConstr* constraints = RelationGetDescr(table)->constr;
  for (int i = 0; constraints != nullptr && i < constraints->num_check; i++) {
    const ConstrCheck& check = constraints->check[i];
    if (!is_valid_by_then(script, RelationGetRelid(table), check)) continue;
    parts = list_concat(parts, parts_of(static_cast<Node*>(stringToNode(check.ccbin))));
  }
  return parts;
}

List* new_checks(const ScriptState& script, Oid table) {
  List* parts = NIL;
  ListCell* cell = nullptr;
  foreach (cell, script.valid) {
    const auto* constraint = static_cast<const ScriptConstraint*>(lfirst(cell));
    const Constraint* definition = constraint->definition;
    if (constraint->table != table || constraint->gone || definition == nullptr) continue;
    if (definition->contype != CONSTR_CHECK) continue;
    parts = list_concat(parts, parts_of(analysed(table, definition->raw_expr)));
  }
  return parts;
}

}  // namespace

bool is_implied_by_then(const ScriptState& script, ::Relation table, List* wanted) {
  List* known = not_nulls(script, table);
  known = list_concat(known, stored_checks(script, table));
  known = list_concat(known, new_checks(script, RelationGetRelid(table)));
  return predicate_implied_by(wanted, known, true);
}

}  // namespace db_guard::effects
