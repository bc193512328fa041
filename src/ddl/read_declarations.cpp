#include "ddl/read_declarations.hpp"

#include "core/sql_declaration.hpp"
#include "ddl/declaration_parts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

namespace {

void declare_other_name(const RangeVar* relation, Declarations& declarations) {
  if (relation == nullptr) return;
  declarations.items.push_back(declaration_of(DeclarationKind::kOtherName, name_of(relation)));
}

bool renames_part_of_table(const RenameStmt* tree) {
  return tree->renameType == OBJECT_TABLE || tree->renameType == OBJECT_TABCONSTRAINT ||
         (tree->renameType == OBJECT_COLUMN && tree->relationType == OBJECT_TABLE);
}

void read(const Node* tree, const Places& places, Declarations& declarations) {
  switch (nodeTag(tree)) {
    case T_CreateStmt:
      declare_table(reinterpret_cast<const CreateStmt*>(tree), places, declarations);
      break;
    case T_AlterTableStmt:
      declare_alterations(reinterpret_cast<const AlterTableStmt*>(tree), places, declarations);
      break;
    case T_IndexStmt:
      declare_other_name(reinterpret_cast<const IndexStmt*>(tree)->relation, declarations);
      break;
    case T_RenameStmt: {
      const auto* rename = reinterpret_cast<const RenameStmt*>(tree);
      if (renames_part_of_table(rename)) declare_other_name(rename->relation, declarations);
      break;
    }
    case T_GrantStmt:
      declare_grant(reinterpret_cast<const GrantStmt*>(tree), declarations);
      break;
    case T_AlterDefaultPrivilegesStmt:
      declare_grant(reinterpret_cast<const AlterDefaultPrivilegesStmt*>(tree)->action,
                    declarations);
      break;
    default:
      declare_other(tree, places, declarations);
      break;
  }
}

}  // namespace

Declarations read_declarations(const Node* tree, const Source& source) {
  Declarations declarations;
  declarations.text = source.statement();
  read(tree, Places(source), declarations);
  if (!declarations.items.empty()) {
    declarations.cut_names = core::names_longer_than(declarations.text, NAMEDATALEN - 1);
  }
  return declarations;
}

}  // namespace db_guard::ddl
