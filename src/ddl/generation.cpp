// Expressions that ADD COLUMN and ALTER COLUMN give to a column: what it is generated from, and
// whether its default differs from row to row.
#include "ddl/catalog_facts.hpp"
#include "ddl/plain_facts.hpp"
#include "ddl/resolve_columns.hpp"
#include "pg/call.hpp"
#include "pg/search_path.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "catalog/heap.h"
#include "optimizer/optimizer.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"
}

namespace db_guard::ddl {

namespace {

struct GenerationWords {
  const char* expression;
  const char* expression_of_new;
  bool comparable;
};

Node* raw_generation(const ColumnDef* definition) {
  ListCell* cell = nullptr;
  foreach (cell, definition->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    if (constraint->contype == CONSTR_GENERATED) return constraint->raw_expr;
  }
  return nullptr;
}

Oid type_of_action(Oid relation, const Action& action) {
  if (action.kind != ActionKind::kAddColumn) {
    return get_atttype(relation, get_attnum(relation, action.column.c_str()));
  }
  const auto* definition = static_cast<const ColumnDef*>(action.node);
  return typenameTypeId(nullptr, definition->typeName);
}

bool has_equality(Oid type) {
  return OidIsValid(lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr);
}

// Printing an expression opens its table, so this needs a lock; nobody is waited for.
void print_generation(Oid relation, const Node* raw, GenerationWords& words) {
  if (!lock_without_waiting(relation)) return;
  const char* name = get_rel_name(relation);
  if (name == nullptr) return;
  ParseState* state = parse_state_of(&relation);
  Node* expression =
      transformExpr(state, static_cast<Node*>(copyObjectImpl(raw)), EXPR_KIND_GENERATED_COLUMN);
  assign_expr_collations(state, expression);
  pg::under_pinned_search_path([&] {
    words.expression =
        deparse_expression(expression, deparse_context_for(name, relation), false, false);
    words.expression_of_new =
        deparse_expression(expression, deparse_context_for("new", relation), true, false);
    return 0;
  });
}

GenerationWords describe_generation(Oid relation, const Action& action) {
  const bool adds = action.kind == ActionKind::kAddColumn;
  const Node* raw = adds ? raw_generation(static_cast<const ColumnDef*>(action.node))
                         : static_cast<const Node*>(action.node);
  GenerationWords words{};
  words.comparable = has_equality(type_of_action(relation, action));
  if (raw != nullptr) print_generation(relation, raw, words);
  return words;
}

bool is_volatile_default(Oid relation, const char* column, const Node* raw) {
  TypeOf type{};
  const AttrNumber number = get_attnum(relation, column);
  if (number == InvalidAttrNumber) return false;
  get_atttypetypmodcoll(relation, number, &type.type, &type.modifier, &type.collation);
  Node* expression = cookDefault(make_parsestate(nullptr), static_cast<Node*>(copyObjectImpl(raw)),
                                 type.type, type.modifier, column, '\0');
  return contain_volatile_functions(
      reinterpret_cast<Node*>(expression_planner(reinterpret_cast<Expr*>(expression))));
}

// It may speak of what another action of the same statement brings: a column, or another type.
template <class Analysis>
void where_possible(Analysis&& analysis) {
  try {
    pg::rolled_back(analysis);
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
  }
}

}  // namespace

Generation analyse_generation(const Relation& relation, const Action& action) {
  const Oid id = relation.id;
  Generation generation;
  where_possible([&] {
    const GenerationWords words = pg::call([&] { return describe_generation(id, action); });
    if (words.expression == nullptr) return;
    generation.comparable = words.comparable;
    generation.expression = words.expression;
    generation.expression_of_new = words.expression_of_new;
  });
  return generation;
}

bool is_new_default_volatile(const Relation& relation, const Action& action) {
  const Oid id = relation.id;
  const char* column = action.column.c_str();
  const auto* raw = static_cast<const Node*>(action.node);
  bool is_volatile = false;
  where_possible(
      [&] { is_volatile = pg::call([&] { return is_volatile_default(id, column, raw); }); });
  return is_volatile;
}

}  // namespace db_guard::ddl
