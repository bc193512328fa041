#include "ddl/declaration_parts.hpp"

#include "ddl/ddl_version.hpp"
#include "pg/call.hpp"

extern "C" {
#include "common/keywords.h"
#include "nodes/value.h"
#include "utils/builtins.h"
}

namespace db_guard::ddl {

Text quoted(const char* name) {
  return Text(pg::call([&] { return quote_identifier(name); }));
}

Text quoted(const ObjectName& name) {
  const char* schema = name.schema.empty() ? nullptr : name.schema.c_str();
  return Text(pg::call([&] { return quote_qualified_identifier(schema, name.name.c_str()); }));
}

Declaration declaration_of(DeclarationKind kind, const ObjectName& name) {
  Declaration declaration;
  declaration.kind = kind;
  declaration.target = name;
  declaration.display = quoted(name);
  return declaration;
}

namespace {

// Those that can be a column's or a table's name as they are need no quotes, whatever
// quote_identifier does.
bool is_reserved(const char* name) {
  const int keyword = ScanKeywordLookup(name, &ScanKeywords);
  if (keyword < 0) return false;
  const uint8 category = ScanKeywordCategories[keyword];
  return category == RESERVED_KEYWORD || category == TYPE_FUNC_NAME_KEYWORD;
}

int first_number(const List* modifiers) {
  if (modifiers == NIL) return -1;
  const auto* node = static_cast<const Node*>(linitial(modifiers));
  if (!IsA(node, A_Const)) return -1;
  const auto* constant = reinterpret_cast<const A_Const*>(node);
  return IsA(&constant->val, Integer) ? intVal(&constant->val) : -1;
}

bool calls_nextval(const Node* expression) {
  if (expression == nullptr || !IsA(expression, FuncCall)) return false;
  const List* name = reinterpret_cast<const FuncCall*>(expression)->funcname;
  return strcmp(strVal(llast(name)), "nextval") == 0;
}

bool is_serial(const TypeSpec& type) {
  return type.builtin && type.name.find("serial") != Text::npos;
}

void add_to_column(const Constraint* constraint, const Places& places, ColumnSpec& column) {
  switch (constraint->contype) {
    case CONSTR_DEFAULT:
      column.has_default = true;
      column.numbered |= calls_nextval(constraint->raw_expr);
      break;
    case CONSTR_IDENTITY:
      column.numbered = true;
      column.identity_at = places.of(constraint->location);
      break;
    case CONSTR_GENERATED:
      column.has_default = true;
      break;
    default:
      break;
  }
}

}  // namespace

Identifier identifier_of(const char* name, Offset at) {
  return {text_of(name), quoted(name), at, is_reserved(name)};
}

TypeSpec type_of(const TypeName* type, const Places& places) {
  TypeSpec spec;
  if (type == nullptr || type->pct_type || type->names == NIL) return spec;
  const ObjectName name = name_of(type->names);
  spec.name = name.name;
  spec.builtin = name.schema.empty() || name.schema == "pg_catalog";
  spec.modifier = first_number(type->typmods);
  spec.at = places.of(type->location);
  return spec;
}

namespace {

// A constraint of a table has its columns in a list; one that stands at a column has that.
Vector<Text> columns_of(const List* names, const ColumnSpec* column) {
  if (column == nullptr) return strings_of(names);
  return {column->name.raw};
}

}  // namespace

void declare_constraint(const Constraint* constraint, const ColumnSpec* column, TableSpec& table) {
  if (constraint->contype == CONSTR_PRIMARY) {
    table.primary_key = columns_of(constraint->keys, column);
  } else if (constraint->contype == CONSTR_FOREIGN) {
    table.foreign_keys.push_back(
        {columns_of(constraint->fk_attrs, column), strings_of(constraint->pk_attrs)});
  }
}

void declare_column(const ColumnDef* definition, const Places& places, TableSpec& table) {
  ColumnSpec column;
  // ALTER COLUMN ... TYPE names its column elsewhere.
  if (definition->colname != nullptr) {
    column.name = identifier_of(definition->colname, places.of(definition->location));
  }
  column.type = type_of(definition->typeName, places);
  column.numbered = is_serial(column.type);
  ListCell* cell = nullptr;
  foreach (cell, definition->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    add_to_column(constraint, places, column);
    declare_constraint(constraint, &column, table);
  }
  table.columns.push_back(std::move(column));
}

}  // namespace db_guard::ddl
