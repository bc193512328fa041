// ALTER TABLE and its kin: the statement's own relation, its lock, and the passes in which the
// server runs the commands.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_tablespace.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

// In the server's order.
enum Pass {
  kDrop,
  kAlterType,
  kAddColumn,
  kColumnAttributes,
  kAddKey,
  kAddConstraint,
  kMisc,
  kPasses
};

bool is_key(const Constraint* constraint) {
  return constraint->contype == CONSTR_PRIMARY || constraint->contype == CONSTR_UNIQUE;
}

Pass pass_of(const AlterTableCmd* command) {
  if (is_set_expression(command)) return kAlterType;
  switch (command->subtype) {
    case AT_DropColumn:
    case AT_DropConstraint:
    case AT_DropNotNull:
    case AT_DropIdentity:
    case AT_DropExpression:
      return kDrop;
    case AT_AlterColumnType:
      return kAlterType;
    case AT_AddColumn:
      return kAddColumn;
    case AT_SetNotNull:
      return kColumnAttributes;
    case AT_AddConstraint:
      return is_key(reinterpret_cast<const Constraint*>(command->def)) ? kAddKey : kAddConstraint;
    default:
      return kMisc;
  }
}

}  // namespace

bool is_of_kind(ObjectType type, char kind) {
  switch (type) {
    case OBJECT_VIEW:
      return kind == RELKIND_VIEW;
    case OBJECT_MATVIEW:
      return kind == RELKIND_MATVIEW;
    case OBJECT_SEQUENCE:
      return kind == RELKIND_SEQUENCE;
    case OBJECT_FOREIGN_TABLE:
      return kind == RELKIND_FOREIGN_TABLE;
    case OBJECT_TYPE:
      return kind == RELKIND_COMPOSITE_TYPE;
    case OBJECT_INDEX:
      return kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX;
    default:
      return kind != RELKIND_COMPOSITE_TYPE;
  }
}

namespace {

// True where the statement ends here: no such relation, or one of another kind.
bool cannot_alter(Prediction& prediction, Oid relation, const RangeVar* name, ObjectType type,
                  bool missing_ok) {
  if (!OidIsValid(relation)) {
    if (!missing_ok) {
      server_refuses(prediction, psprintf("relation \"%s\" does not exist", name->relname));
    }
    return true;
  }
  const char* refusal = why_not_altered(relation);
  if (refusal != nullptr) {
    server_refuses(prediction, refusal);
    return true;
  }
  if (is_of_kind(type, get_rel_relkind(relation))) return false;
  server_refuses(prediction, psprintf("\"%s\" is of another kind", name->relname));
  return true;
}

void alter(Prediction& prediction, Oid relation, List* commands, bool recurse) {
  Alteration alteration{
      prediction, AlterTableGetLockLevel(commands), recurse, NIL, NIL, NIL, NIL, NIL, NIL};
  add_lock(prediction, relation, alteration.lock);
  (void)altered_table(alteration, relation);
  for (int pass = 0; pass < kPasses; pass++) {
    ListCell* cell = nullptr;
    foreach (cell, commands) {
      const auto* command = static_cast<const AlterTableCmd*>(lfirst(cell));
      if (pass_of(command) != pass) continue;
      predict_and_note(alteration, relation, command, foreach_current_index(cell));
    }
  }
  finish(alteration);
}

void predict_statement_of(Prediction& prediction, const AlterTableStmt* statement) {
  const Oid relation = find_relation(prediction, statement->relation);
  if (cannot_alter(prediction, relation, statement->relation, statement->objtype,
                   statement->missing_ok)) {
    return;
  }
  alter(prediction, relation, statement->cmds, statement->relation->inh);
}

}  // namespace

bool predict_alter_table(Prediction& prediction, Node* tree) {
  switch (nodeTag(tree)) {
    case T_AlterTableStmt:
      predict_statement_of(prediction, reinterpret_cast<AlterTableStmt*>(tree));
      return true;
    case T_AlterTableMoveAllStmt:
      predict_move_all(prediction, reinterpret_cast<AlterTableMoveAllStmt*>(tree));
      return true;
    case T_RenameStmt:
      return predict_rename(prediction, reinterpret_cast<RenameStmt*>(tree));
    case T_AlterObjectSchemaStmt:
      return predict_set_schema(prediction, reinterpret_cast<AlterObjectSchemaStmt*>(tree));
    default:
      return false;
  }
}

}  // namespace db_guard::effects
