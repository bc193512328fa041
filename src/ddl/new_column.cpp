// What ADD COLUMN adds: its type, its default and whether the server can keep that default in the
// catalog or has to write every row.
#include "ddl/catalog_facts.hpp"
#include "ddl/ddl_version.hpp"
#include "ddl/plain_facts.hpp"
#include "pg/call.hpp"
#include "pg/search_path.hpp"

extern "C" {
#include "catalog/heap.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"
}

namespace db_guard::ddl {

namespace {

// serial and its kin are no types but words that the server replaces while it transforms the
// statement; the same list stands in its transformColumnDefinition.
const char* serial_base_type(const TypeName* type) {
  if (list_length(type->names) != 1 || type->pct_type) return nullptr;
  const char* name = strVal(linitial(type->names));
  if (strcmp(name, "smallserial") == 0 || strcmp(name, "serial2") == 0) return "smallint";
  if (strcmp(name, "serial") == 0 || strcmp(name, "serial4") == 0) return "integer";
  if (strcmp(name, "bigserial") == 0 || strcmp(name, "serial8") == 0) return "bigint";
  return nullptr;
}

bool is_null_constant(const Node* expression) {
  return expression != nullptr && IsA(expression, Const) &&
         reinterpret_cast<const Const*>(expression)->constisnull;
}

void plan_default(Node* expression, ColumnPlan& plan) {
  if (expression == nullptr || is_null_constant(expression)) return;
  plan.has_default = true;
  plan.volatile_default = contain_volatile_functions(
      reinterpret_cast<Node*>(expression_planner(reinterpret_cast<Expr*>(expression))));
}

Node* cook(Node* raw, Oid type, int32 modifier, const char* column) {
  return cookDefault(make_parsestate(nullptr), static_cast<Node*>(copyObjectImpl(raw)), type,
                     modifier, const_cast<char*>(column), '\0');
}

// Returns the raw DEFAULT expression, if there is one.
Node* plan_constraints(const ColumnDef* definition, ColumnPlan& plan) {
  Node* raw_default = definition->raw_default;
  plan.not_null = definition->is_not_null;
  ListCell* cell = nullptr;
  foreach (cell, definition->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    switch (constraint->contype) {
      case CONSTR_DEFAULT:
        raw_default = constraint->raw_expr;
        break;
      case CONSTR_NOTNULL:
      case CONSTR_PRIMARY:
        plan.not_null = true;
        break;
      case CONSTR_IDENTITY:
        plan.identity = true;
        plan.identity_always = constraint->generated_when == ATTRIBUTE_IDENTITY_ALWAYS;
        break;
      case CONSTR_GENERATED:
        plan.virtual_generated = is_virtual_generated(constraint);
        plan.stored_generated = !plan.virtual_generated;
        break;
      default:
        break;
    }
  }
  return raw_default;
}

struct ColumnWords {
  ColumnPlan plan;
  const char* type;
  const char* base_type;
  List* domain_checks;  // of C strings
  bool domain_not_null;
  const char* default_sql;
};

// The type as the definition of the column has to have it, with what ADD COLUMN says of it besides.
const char* definition_of(const TypeOf& type, const ColumnDef* definition) {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoString(&text, format_type_with_typemod(type.type, type.modifier));
  const char* storage = storage_of(definition);
  if (storage != nullptr) appendStringInfo(&text, " STORAGE %s", storage);
  if (definition->compression != nullptr) {
    appendStringInfo(&text, " COMPRESSION %s", quote_identifier(definition->compression));
  }
  if (OidIsValid(type.collation) && type.collation != get_typcollation(type.type)) {
    appendStringInfo(&text, " COLLATE %s", generate_collation_name(type.collation));
  }
  return text.data;
}

// Down to the type that the innermost domain is made of.
void describe_domain(TypeOf type, const ColumnDef* definition, ColumnWords& words) {
  while (get_typtype(type.type) == TYPTYPE_DOMAIN) {
    words.domain_checks = list_concat(print_domain_checks(type.type), words.domain_checks);
    words.domain_not_null |= is_domain_not_null(type.type);
    type.type = base_of_domain(type.type, &type.modifier);
  }
  words.base_type = definition_of(type, definition);
}

ColumnWords describe(const ColumnDef* definition) {
  ColumnWords words{};
  words.plan = plan_new_column(definition);
  words.type = words.plan.type_name;
  if (words.plan.serial) return words;
  TypeOf type{words.plan.type, words.plan.modifier, InvalidOid};
  type.collation = GetColumnDefCollation(nullptr, const_cast<ColumnDef*>(definition), type.type);
  const int nest_level = pg::pin_search_path();
  words.type = definition_of(type, definition);
  if (words.plan.constrained_domain) describe_domain(type, definition, words);
  if (words.plan.has_default) {
    words.default_sql = deparse_expression(words.plan.default_expression, NIL, false, false);
  }
  pg::unpin_search_path(nest_level);
  return words;
}

}  // namespace

ColumnPlan plan_new_column(const ColumnDef* definition) {
  ColumnPlan plan{};
  Node* raw_default = plan_constraints(definition, plan);
  plan.type_name = serial_base_type(definition->typeName);
  plan.serial = plan.type_name != nullptr;
  if (plan.serial) return plan;
  typenameTypeIdAndMod(nullptr, definition->typeName, &plan.type, &plan.modifier);
  plan.constrained_domain = DomainHasConstraints(plan.type);
  plan.composite = type_is_rowtype(plan.type);
  // A domain brings a default of its own.
  plan.default_expression = raw_default != nullptr
                                ? cook(raw_default, plan.type, plan.modifier, definition->colname)
                                : get_typdefault(plan.type);
  plan_default(plan.default_expression, plan);
  return plan;
}

NewColumn analyse_new_column(const Action& action) {
  const auto* definition = static_cast<const ColumnDef*>(action.node);
  ColumnWords words{};
  try {
    words = pg::call([&] { return describe(definition); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    // No such type or function, no cast, a default that refers to a column.
    throw Refused{};
  }
  const ColumnPlan& plan = words.plan;
  NewColumn column;
  if (words.type != nullptr) column.type = words.type;
  if (words.base_type != nullptr) column.base_type = words.base_type;
  for (int i = 0; i < list_length(words.domain_checks); i++) {
    column.domain_checks.emplace_back(static_cast<const char*>(list_nth(words.domain_checks, i)));
  }
  if (words.default_sql != nullptr) column.default_sql = words.default_sql;
  column.has_default = plan.has_default;
  column.volatile_default = plan.volatile_default;
  column.serial = plan.serial;
  column.identity = plan.identity;
  column.identity_always = plan.identity_always;
  column.stored_generated = plan.stored_generated;
  column.virtual_generated = plan.virtual_generated;
  column.constrained_domain = plan.constrained_domain;
  column.not_null = plan.not_null || words.domain_not_null;
  column.composite = plan.composite;
  return column;
}

}  // namespace db_guard::ddl
