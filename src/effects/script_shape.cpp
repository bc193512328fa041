// What the shape of a statement tells where its columns, types or tables are the script's own, and
// no catalog has heard of them.
#include "effects/prediction.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

const RangeVar* relation_of(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_AlterTableStmt:
      return reinterpret_cast<const AlterTableStmt*>(tree)->relation;
    case T_IndexStmt:
      return reinterpret_cast<const IndexStmt*>(tree)->relation;
    case T_RenameStmt:
      return reinterpret_cast<const RenameStmt*>(tree)->relation;
    case T_CreateTrigStmt:
      return reinterpret_cast<const CreateTrigStmt*>(tree)->relation;
    default:
      return nullptr;
  }
}

LOCKMODE lock_of(Node* tree) {
  switch (nodeTag(tree)) {
    case T_AlterTableStmt:
      return AlterTableGetLockLevel(reinterpret_cast<AlterTableStmt*>(tree)->cmds);
    case T_IndexStmt:
      return reinterpret_cast<const IndexStmt*>(tree)->concurrent ? ShareUpdateExclusiveLock
                                                                  : ShareLock;
    case T_CreateTrigStmt:
      return ShareRowExclusiveLock;
    default:
      return AccessExclusiveLock;
  }
}

void add_constraint_work(const Constraint* constraint, CommandWork& work) {
  switch (constraint->contype) {
    case CONSTR_CHECK:
      work.scan = !constraint->skip_validation;
      break;
    case CONSTR_FOREIGN:
      work.fk_check = !constraint->skip_validation;
      break;
    case CONSTR_PRIMARY:
    case CONSTR_UNIQUE:
    case CONSTR_EXCLUSION:
      work.index_build = constraint->indexname == nullptr;
      break;
    default:
      break;
  }
}

// Every new type is taken for one that the values have to be converted to.
void add_command_work(const ScriptState& script, Oid table, const AlterTableCmd* command,
                      CommandWork& work) {
  switch (command->subtype) {
    case AT_SetNotNull:
      work.scan = !is_proven_not_null(script, table, command->name);
      break;
    case AT_AlterColumnType:
      work.rewrite = true;
      break;
    case AT_AddConstraint:
      add_constraint_work(reinterpret_cast<const Constraint*>(command->def), work);
      break;
    default:
      break;
  }
}

CommandWork* work_of(Prediction& prediction, int command) {
  ListCell* cell = nullptr;
  foreach (cell, prediction.work) {
    auto* work = static_cast<CommandWork*>(lfirst(cell));
    if (work->command == command) return work;
  }
  auto* work = static_cast<CommandWork*>(palloc0(sizeof(CommandWork)));
  work->command = command;
  prediction.work = lappend(prediction.work, work);
  return work;
}

// Of what names a column that is there, more is known than its shape.
bool is_about_a_known_column(Oid table, const AlterTableCmd* command) {
  return command->name != nullptr && get_attnum(table, command->name) != InvalidAttrNumber;
}

void add_work(Prediction& prediction, Oid table, const AlterTableStmt* statement) {
  if (prediction.script == nullptr) return;
  RelationEffect* effect = find_effect(prediction, table);
  ListCell* cell = nullptr;
  foreach (cell, statement->cmds) {
    const auto* command = static_cast<const AlterTableCmd*>(lfirst(cell));
    if (is_about_a_known_column(table, command)) continue;
    CommandWork* work = work_of(prediction, foreach_current_index(cell));
    add_command_work(*prediction.script, table, command, *work);
    if (effect == nullptr) continue;
    effect->rewrite |= work->rewrite;
    effect->scan |= work->scan;
    effect->index_build |= work->index_build;
    effect->fk_check |= work->fk_check;
  }
}

bool has_rows(Oid relation) {
  const char kind = get_rel_relkind(relation);
  return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_MATVIEW;
}

}  // namespace

void predict_by_shape(Prediction& prediction, Node* tree) {
  prediction.estimated = true;
  const RangeVar* name = relation_of(tree);
  const Oid id = name != nullptr ? find_relation(prediction, name) : InvalidOid;
  if (!OidIsValid(id)) {
    if (!prediction.meets_new && prediction.effects == NIL) {
      cannot_judge(prediction, "what it names is not there before the script runs");
    }
    return;
  }
  RelationEffect* effect = add_lock(prediction, id, lock_of(tree));
  if (!has_rows(id)) return;
  if (IsA(tree, IndexStmt)) effect->index_build = true;
  if (IsA(tree, AlterTableStmt)) {
    add_work(prediction, id, reinterpret_cast<const AlterTableStmt*>(tree));
  }
}

}  // namespace db_guard::effects
