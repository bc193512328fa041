// CREATE of tables in all its forms.
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

namespace {

// Those that a partition says more of than its parent does.
Vector<Text> own_columns(const CreateStmt* tree) {
  Vector<Text> names;
  ListCell* cell = nullptr;
  foreach (cell, tree->tableElts) {
    const auto* element = static_cast<const Node*>(lfirst(cell));
    if (IsA(element, ColumnDef)) {
      names.push_back(text_of(reinterpret_cast<const ColumnDef*>(element)->colname));
    }
  }
  return names;
}

// Only what may meet something that exists is worth an action.
void translate_create(const CreateStmt* tree, Statement& statement) {
  if (tree->partbound == nullptr && !tree->if_not_exists) return;
  Action action;
  action.kind = ActionKind::kCreateTable;
  action.target = name_of(tree->relation);
  action.if_not_exists = tree->if_not_exists;
  action.node = tree;
  if (tree->if_not_exists) statement.actions.push_back(action);
  if (tree->partbound == nullptr) return;
  action.kind = ActionKind::kCreatePartition;
  action.other = action.target;
  action.target = name_of(static_cast<const RangeVar*>(linitial(tree->inhRelations)));
  action.other_columns = own_columns(tree);
  statement.actions.push_back(std::move(action));
}

void translate_create_as(const IntoClause* into, std::string_view word, bool if_not_exists,
                         Statement& statement) {
  Action action;
  action.kind = ActionKind::kCreateTableAs;
  action.target = name_of(into->rel);
  action.object_kind = word;
  action.if_not_exists = if_not_exists;
  action.with_data = !into->skipData;
  statement.actions.push_back(std::move(action));
}

const IntoClause* target_of(const SelectStmt* select) {
  while (select->larg != nullptr) select = select->larg;
  return select->intoClause;
}

}  // namespace

bool translate_creation(const Node* tree, Statement& statement) {
  switch (nodeTag(tree)) {
    case T_CreateStmt:
      translate_create(reinterpret_cast<const CreateStmt*>(tree), statement);
      return true;
    case T_CreateForeignTableStmt:
      translate_create(&reinterpret_cast<const CreateForeignTableStmt*>(tree)->base, statement);
      return true;
    case T_CreateTableAsStmt: {
      const auto* create = reinterpret_cast<const CreateTableAsStmt*>(tree);
      translate_create_as(create->into,
                          create->objtype == OBJECT_MATVIEW ? "CREATE MATERIALIZED VIEW"
                                                            : "CREATE TABLE AS",
                          create->if_not_exists, statement);
      return true;
    }
    case T_SelectStmt: {
      const IntoClause* into = target_of(reinterpret_cast<const SelectStmt*>(tree));
      if (into != nullptr) translate_create_as(into, "SELECT INTO", false, statement);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace db_guard::ddl
