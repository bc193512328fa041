// UPDATE, DELETE and INSERT ... SELECT.
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

namespace {

void add_change(const RangeVar* relation, ActionKind kind, const Node* tree, Statement& statement) {
  Action action;
  action.kind = kind;
  action.target = name_of(relation);
  action.only = !relation->inh;
  action.node = tree;
  statement.actions.push_back(std::move(action));
}

// VALUES come as a SELECT, too.
bool reads_tables(const InsertStmt* tree) {
  const auto* select = reinterpret_cast<const SelectStmt*>(tree->selectStmt);
  return select != nullptr && select->valuesLists == NIL;
}

}  // namespace

bool translate_data_change(const Node* tree, Statement& statement) {
  switch (nodeTag(tree)) {
    case T_UpdateStmt:
      add_change(reinterpret_cast<const UpdateStmt*>(tree)->relation, ActionKind::kUpdate, tree,
                 statement);
      return true;
    case T_DeleteStmt:
      add_change(reinterpret_cast<const DeleteStmt*>(tree)->relation, ActionKind::kDelete, tree,
                 statement);
      return true;
    case T_InsertStmt: {
      const auto* insert = reinterpret_cast<const InsertStmt*>(tree);
      if (reads_tables(insert)) {
        add_change(insert->relation, ActionKind::kInsertSelect, tree, statement);
      }
      return true;
    }
    default:
      return false;
  }
}

}  // namespace db_guard::ddl
