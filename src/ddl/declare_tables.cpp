// CREATE TABLE and what ALTER TABLE declares.
#include "ddl/declaration_parts.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "catalog/pg_class.h"
}

namespace db_guard::ddl {

namespace {

void declare_element(const Node* element, const Places& places, TableSpec& table) {
  switch (nodeTag(element)) {
    case T_ColumnDef:
      declare_column(reinterpret_cast<const ColumnDef*>(element), places, table);
      break;
    case T_Constraint:
      declare_constraint(reinterpret_cast<const Constraint*>(element), nullptr, table);
      break;
    case T_TableLikeClause:
      table.derived = true;
      break;
    default:
      break;
  }
}

bool is_temporary(const RangeVar* relation) {
  return relation->relpersistence == RELPERSISTENCE_TEMP ||
         (relation->schemaname != nullptr && strcmp(relation->schemaname, "pg_temp") == 0);
}

}  // namespace

void declare_table(const CreateStmt* tree, const Places& places, Declarations& declarations) {
  const RangeVar* name = tree->relation;
  Declaration declaration = declaration_of(DeclarationKind::kTable, name_of(name));
  TableSpec& table = declaration.table;
  table.name = identifier_of(name->relname, places.of(name->location));
  table.temporary = is_temporary(name);
  table.unlogged = name->relpersistence == RELPERSISTENCE_UNLOGGED;
  table.derived = tree->ofTypename != nullptr || tree->partbound != nullptr;
  table.inherits = tree->inhRelations != NIL && tree->partbound == nullptr;
  table.columns.reserve(std::size_t(list_length(tree->tableElts)));
  ListCell* cell = nullptr;
  foreach (cell, tree->tableElts) {
    declare_element(static_cast<const Node*>(lfirst(cell)), places, table);
  }
  declarations.items.push_back(std::move(declaration));
}

namespace {

void declare_command(const ObjectName& target, const AlterTableCmd* command, const Places& places,
                     Declarations& declarations) {
  const bool changes = command->subtype == AT_AlterColumnType;
  if (command->subtype == AT_AddConstraint) {
    declarations.items.push_back(declaration_of(DeclarationKind::kOtherName, target));
  } else if (changes || command->subtype == AT_AddColumn) {
    Declaration declaration = declaration_of(
        changes ? DeclarationKind::kColumnType : DeclarationKind::kNewColumn, target);
    declare_column(reinterpret_cast<const ColumnDef*>(command->def), places, declaration.table);
    if (changes) declaration.table.columns.back().name = identifier_of(command->name, -1);
    declarations.items.push_back(std::move(declaration));
  }
}

}  // namespace

void declare_alterations(const AlterTableStmt* tree, const Places& places,
                         Declarations& declarations) {
  if (tree->objtype != OBJECT_TABLE) return;
  ListCell* cell = nullptr;
  foreach (cell, tree->cmds) {
    declare_command(name_of(tree->relation), static_cast<const AlterTableCmd*>(lfirst(cell)),
                    places, declarations);
  }
}

}  // namespace db_guard::ddl
