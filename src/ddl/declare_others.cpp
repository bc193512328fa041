// CREATE of types, sequences, extensions and functions, and what ALTER TYPE adds to an enum.
#include "ddl/declaration_parts.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "nodes/value.h"
}

namespace db_guard::ddl {

namespace {

const DefElem* find_option(const List* options, const char* name) {
  ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* option = static_cast<const DefElem*>(lfirst(cell));
    if (strcmp(option->defname, name) == 0) return option;
  }
  return nullptr;
}

bool is_on(const DefElem* option) {
  return option != nullptr && option->arg != nullptr && boolVal(option->arg);
}

const char* word_of(const DefElem* option) {
  const bool is_word = option != nullptr && option->arg != nullptr && IsA(option->arg, String);
  return is_word ? strVal(option->arg) : "";
}

bool sets_search_path(const List* options) {
  ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* option = static_cast<const DefElem*>(lfirst(cell));
    if (strcmp(option->defname, "set") != 0) continue;
    const auto* set = reinterpret_cast<const VariableSetStmt*>(option->arg);
    if (set->name != nullptr && pg_strcasecmp(set->name, "search_path") == 0) return true;
  }
  return false;
}

// Machine code has no names to look up, and a body in standard SQL is read when it is made.
bool looks_up_names(const CreateFunctionStmt* tree) {
  const char* language = word_of(find_option(tree->options, "language"));
  return tree->sql_body == nullptr && pg_strcasecmp(language, "c") != 0 &&
         pg_strcasecmp(language, "internal") != 0;
}

Declaration enum_of(const CreateEnumStmt* tree) {
  Declaration declaration = declaration_of(DeclarationKind::kEnum, name_of(tree->typeName));
  declaration.values = std::size_t(list_length(tree->vals));
  return declaration;
}

Declaration enum_value_of(const AlterEnumStmt* tree) {
  Declaration declaration = declaration_of(DeclarationKind::kEnumValue, name_of(tree->typeName));
  declaration.value = text_of(tree->newVal);
  declaration.placed = tree->newValNeighbor != nullptr;
  return declaration;
}

Declaration domain_of(const CreateDomainStmt* tree, const Places& places) {
  Declaration declaration = declaration_of(DeclarationKind::kDomain, name_of(tree->domainname));
  ColumnSpec column;
  column.type = type_of(tree->typeName, places);
  declaration.table.columns.push_back(std::move(column));
  return declaration;
}

Declaration sequence_of(const CreateSeqStmt* tree, const Places& places) {
  Declaration declaration = declaration_of(DeclarationKind::kSequence, name_of(tree->sequence));
  declaration.table.temporary = tree->sequence->relpersistence == RELPERSISTENCE_TEMP;
  const DefElem* type = find_option(tree->options, "as");
  ColumnSpec column;
  if (type != nullptr) {
    column.type = type_of(reinterpret_cast<const TypeName*>(type->arg), places);
  }
  // One that begins anew at its end has no end.
  column.numbered = !is_on(find_option(tree->options, "cycle"));
  declaration.table.columns.push_back(std::move(column));
  return declaration;
}

Declaration extension_of(const CreateExtensionStmt* tree) {
  Declaration declaration =
      declaration_of(DeclarationKind::kExtension, {{}, text_of(tree->extname)});
  declaration.version = word_of(find_option(tree->options, "new_version"));
  return declaration;
}

Declaration function_of(const CreateFunctionStmt* tree) {
  Declaration declaration = declaration_of(DeclarationKind::kFunction, name_of(tree->funcname));
  declaration.procedure = tree->is_procedure;
  declaration.security_definer = is_on(find_option(tree->options, "security"));
  declaration.pins_search_path = sets_search_path(tree->options) || !looks_up_names(tree);
  return declaration;
}

}  // namespace

void declare_other(const Node* tree, const Places& places, Declarations& declarations) {
  Vector<Declaration>& items = declarations.items;
  switch (nodeTag(tree)) {
    case T_CreateEnumStmt:
      items.push_back(enum_of(reinterpret_cast<const CreateEnumStmt*>(tree)));
      break;
    case T_AlterEnumStmt:
      // The other form renames a value.
      if (reinterpret_cast<const AlterEnumStmt*>(tree)->oldVal != nullptr) break;
      items.push_back(enum_value_of(reinterpret_cast<const AlterEnumStmt*>(tree)));
      break;
    case T_CreateDomainStmt:
      items.push_back(domain_of(reinterpret_cast<const CreateDomainStmt*>(tree), places));
      break;
    case T_CreateSeqStmt:
      items.push_back(sequence_of(reinterpret_cast<const CreateSeqStmt*>(tree), places));
      break;
    case T_CreateExtensionStmt:
      items.push_back(extension_of(reinterpret_cast<const CreateExtensionStmt*>(tree)));
      break;
    case T_CreateFunctionStmt:
      items.push_back(function_of(reinterpret_cast<const CreateFunctionStmt*>(tree)));
      break;
    default:
      break;
  }
}

}  // namespace db_guard::ddl
