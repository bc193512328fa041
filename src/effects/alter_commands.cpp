// One command of an ALTER TABLE: which relations it reaches, and who knows the rest.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

bool names_a_column(const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_ColumnDefault:
    case AT_DropNotNull:
    case AT_SetNotNull:
    case AT_SetOptions:
    case AT_ResetOptions:
    case AT_SetStorage:
    case AT_SetCompression:
    case AT_AlterColumnType:
    case AT_AddIdentity:
    case AT_SetIdentity:
      return true;
    case AT_SetStatistics:
      return command->name != nullptr;
    case AT_DropColumn:
    case AT_DropIdentity:
    case AT_DropExpression:
      return !command->missing_ok || command->subtype != AT_DropColumn;
    default:
      return is_set_expression(command);
  }
}

bool misses_column(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  if (!names_a_column(command) || has_column(alteration, relation, command->name)) return false;
  server_refuses(alteration.prediction, psprintf("column \"%s\" of relation \"%s\" does not exist",
                                                 command->name, get_rel_name(relation)));
  return true;
}

bool predict_column_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_AddColumn:
      predict_add_column(alteration, relation, command);
      return true;
    case AT_DropColumn:
      predict_drop_column(alteration, relation, command);
      return true;
    case AT_AlterColumnType:
      predict_type_change(alteration, relation, command);
      return true;
    default:
      if (!is_set_expression(command)) return false;
      predict_set_expression(alteration, relation, command->name);
      return true;
  }
}

bool predict_attribute_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_SetNotNull:
      predict_set_not_null(alteration, relation, command->name);
      return true;
    case AT_ColumnDefault:
      predict_set_default(alteration, relation, command);
      return true;
    case AT_DropNotNull:
      predict_drop_not_null(alteration, relation, command->name);
      return true;
    case AT_AddIdentity:
      predict_add_identity(alteration, relation, command->name);
      return true;
    case AT_SetIdentity:
      predict_set_identity(alteration, relation, command);
      return true;
    case AT_DropIdentity:
      predict_drop_identity(alteration, relation, command->name);
      return true;
    case AT_DropExpression:
    case AT_SetStatistics:
    case AT_SetStorage:
      alter_family(alteration, relation);
      return true;
    default:
      return false;
  }
}

bool predict_constraint_command(Alteration& alteration, Oid relation,
                                const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_AddConstraint:
      predict_add_constraint(alteration, relation,
                             reinterpret_cast<const Constraint*>(command->def));
      return true;
    case AT_DropConstraint:
      predict_drop_constraint(alteration, relation, command);
      return true;
    case AT_ValidateConstraint:
      predict_validate(alteration, relation, command->name);
      return true;
    case AT_AlterConstraint:
      predict_alter_constraint(alteration, relation, command);
      return true;
    default:
      return false;
  }
}

bool predict_trigger_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_DisableTrig:
    case AT_EnableTrigAll:
    case AT_DisableTrigAll:
    case AT_EnableTrigUser:
    case AT_DisableTrigUser:
      predict_trigger(alteration, relation, command->name);
      return true;
    default:
      return false;
  }
}

void predict_attach_to(Alteration& alteration, Oid relation, const PartitionCmd* partition) {
  if (get_rel_relkind(relation) == RELKIND_PARTITIONED_INDEX) {
    predict_attach_index(alteration, relation, partition);
  } else {
    predict_attach(alteration, relation, partition);
  }
}

bool predict_family_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const auto* partition = reinterpret_cast<const PartitionCmd*>(command->def);
  switch (command->subtype) {
    case AT_AddInherit:
      predict_inherit(alteration, relation, command);
      return true;
    case AT_DropInherit:
      predict_no_inherit(alteration, relation, command);
      return true;
    case AT_AddOf:
      predict_of_type(alteration, reinterpret_cast<const TypeName*>(command->def));
      return true;
    case AT_AttachPartition:
      predict_attach_to(alteration, relation, partition);
      return true;
    case AT_DetachPartition:
      predict_detach(alteration, relation, partition);
      return true;
    case AT_DetachPartitionFinalize:
      predict_detach_finalize(alteration, relation, partition);
      return true;
    default:
      return false;
  }
}

}  // namespace

void predict_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  if (!suits_kind(command, relation)) {
    server_refuses(alteration.prediction,
                   "the command cannot be performed on a relation of this kind");
    return;
  }
  if (misses_column(alteration, relation, command)) return;
  // What none of them knows does no more than the statement's own lock says.
  (void)(predict_column_command(alteration, relation, command) ||
         predict_attribute_command(alteration, relation, command) ||
         predict_constraint_command(alteration, relation, command) ||
         predict_trigger_command(alteration, relation, command) ||
         predict_family_command(alteration, relation, command) ||
         predict_storage_command(alteration, relation, command));
}

}  // namespace db_guard::effects
