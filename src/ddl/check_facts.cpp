// What a CHECK expression is made of: the column it is about, and what it calls that may answer
// otherwise tomorrow.
#include "ddl/catalog_facts.hpp"
#include "ddl/ddl_version.hpp"
#include "ddl/resolve_columns.hpp"
#include "pg/call.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
}

namespace db_guard::ddl {

namespace {

// The first call of the worst kind.
struct Calls {
  char volatility;
  const char* name;
};

bool note_function(Oid function, void* context) {
  auto* calls = static_cast<Calls*>(context);
  const char volatility = func_volatile(function);
  const bool worse = volatility == PROVOLATILE_VOLATILE
                         ? calls->volatility != PROVOLATILE_VOLATILE
                         : volatility == PROVOLATILE_STABLE && calls->name == nullptr;
  if (!worse) return false;
  calls->volatility = volatility;
  calls->name = psprintf("%s()", get_func_name(function));
  return false;
}

bool look_for_calls(Node* node, void* context) {
  if (node == nullptr) return false;
  auto* calls = static_cast<Calls*>(context);
  (void)check_functions_in_node(node, note_function, context);
  if (IsA(node, SQLValueFunction) && calls->name == nullptr) {
    *calls = {PROVOLATILE_STABLE, "the current time or user"};
  }
  return walk_tree(node, look_for_calls, context);
}

// As the server chooses a name: after the column where there is but one.
const char* only_column(Oid table, Node* expression) {
  List* variables = list_union(NIL, pull_var_clause(expression, 0));
  if (list_length(variables) != 1) return nullptr;
  return get_attname(table, static_cast<const Var*>(linitial(variables))->varattno, true);
}

struct CheckWords {
  Calls calls;
  const char* column;
};

CheckWords describe_check(Oid table, const Constraint* constraint) {
  ParseState* state = parse_state_of(&table);
  Node* expression = transformExpr(state, static_cast<Node*>(copyObjectImpl(constraint->raw_expr)),
                                   EXPR_KIND_CHECK_CONSTRAINT);
  assign_expr_collations(state, expression);
  CheckWords words{};
  words.column = only_column(table, expression);
  (void)look_for_calls(expression, &words.calls);
  return words;
}

}  // namespace

CheckFacts analyse_check(const Relation& relation, const Action& action) {
  const auto* constraint = static_cast<const Constraint*>(action.node);
  if (constraint == nullptr || constraint->raw_expr == nullptr) return {};
  const Oid table = relation.id;
  CheckWords words{};
  try {
    words = pg::call([&] { return describe_check(table, constraint); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    // A whole row, or a column that this very statement adds; or the server will refuse it.
    return {};
  }
  CheckFacts facts;
  if (words.column != nullptr) facts.column = words.column;
  if (words.calls.name != nullptr) facts.unsteady_call = words.calls.name;
  facts.calls_volatile = words.calls.volatility == PROVOLATILE_VOLATILE;
  return facts;
}

}  // namespace db_guard::ddl
