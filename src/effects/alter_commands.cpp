// One command of an ALTER TABLE: which relations it reaches, and who knows the rest.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_depend.h"
#include "catalog/dependency.h"
#include "catalog/pg_am.h"
#include "catalog/pg_tablespace.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

FormData_pg_class class_row(Oid relation) {
  FormData_pg_class row{};
  pg::read_syscache<Form_pg_class>(RELOID, ObjectIdGetDatum(relation),
                                   [&](auto* form, HeapTuple) { row = *form; });
  return row;
}

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

// A permanent table cannot refer to one that is not.
const char* why_persistence_stays(Oid relation, char persistence) {
  const bool permanent = persistence == RELPERSISTENCE_PERMANENT;
  List* keys = permanent ? constraints_of(relation) : keys_that_reference(relation);
  ListCell* cell = nullptr;
  foreach (cell, keys) {
    const auto* key = static_cast<const ConstraintFacts*>(lfirst(cell));
    if (key->type != CONSTRAINT_FOREIGN) continue;
    const Oid other = permanent ? key->referenced : key->table;
    if (other == relation || get_rel_persistence(other) == persistence) continue;
    return permanent ? "the table references an unlogged table"
                     : "a logged table references the table";
  }
  return nullptr;
}

// The persistence of sequences that the table owns follows that of the table.
void predict_persistence(Alteration& alteration, Oid relation, char persistence) {
  if (class_row(relation).relpersistence == persistence) return;
  const char* refusal = why_persistence_stays(relation, persistence);
  if (refusal != nullptr) server_refuses(alteration.prediction, refusal);
  altered_table(alteration, relation).rewrite = true;
  ListCell* cell = nullptr;
  foreach (cell, getOwnedSequences(relation)) {
    add_lock(alteration.prediction, lfirst_oid(cell), AccessExclusiveLock)->rewrite = true;
  }
}

void predict_access_method(Alteration& alteration, Oid relation, const char* name) {
  const char* method = name != nullptr ? name : default_table_access_method;
  const Oid id = get_table_am_oid(method, false);
  if (class_row(relation).relam == id) return;
  altered_table(alteration, relation).rewrite = true;
}

void predict_index_lock(Alteration& alteration, Oid relation, const char* name, LOCKMODE lock) {
  const Oid index = get_relname_relid(name, get_rel_namespace(relation));
  if (!OidIsValid(index)) {
    server_refuses(alteration.prediction, psprintf("index \"%s\" does not exist", name));
    return;
  }
  add_lock(alteration.prediction, index, lock);
}

void predict_replica_identity(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const auto* identity = reinterpret_cast<const ReplicaIdentityStmt*>(command->def);
  if (identity->identity_type != REPLICA_IDENTITY_INDEX) return;
  predict_index_lock(alteration, relation, identity->name, ShareLock);
}

// Indexes, sequences and TOAST belong to whom the table belongs.
void predict_owner(Alteration& alteration, Oid relation, const RoleSpec* role) {
  const FormData_pg_class row = class_row(relation);
  if (row.relkind == RELKIND_INDEX || row.relowner == get_rolespec_oid(role, false)) return;
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(relation)) {
    add_lock(alteration.prediction, lfirst_oid(cell), alteration.lock);
  }
  foreach (cell, getOwnedSequences(relation)) {
    add_lock(alteration.prediction, lfirst_oid(cell), alteration.lock);
  }
}

const char* why_not_inherited(Oid parent, Oid child) {
  if (list_member_oid(family_of(child), parent)) return "circular inheritance not allowed";
  const bool partitions = get_rel_relkind(parent) == RELKIND_PARTITIONED_TABLE ||
                          get_rel_relkind(child) == RELKIND_PARTITIONED_TABLE ||
                          get_rel_relispartition(parent) || get_rel_relispartition(child);
  return partitions ? "partitions and partitioned tables have no other heirs" : nullptr;
}

void predict_inherit(Alteration& alteration, Oid relation, const RangeVar* parent_name,
                     LOCKMODE lock) {
  const Oid parent = find_relation(alteration.prediction, parent_name);
  if (!OidIsValid(parent)) {
    server_refuses(alteration.prediction,
                   psprintf("relation \"%s\" does not exist", parent_name->relname));
    return;
  }
  add_lock(alteration.prediction, parent, lock);
  const bool is_parent = list_member_oid(find_inheritance_children(parent, NoLock), relation);
  if (lock == AccessShareLock) {
    if (!is_parent)
      server_refuses(alteration.prediction, "the relation is not a parent of the table");
    return;
  }
  if (is_parent) {
    server_refuses(alteration.prediction, "the relation would be inherited from more than once");
  }
  const char* refusal = why_not_inherited(parent, relation);
  if (refusal == nullptr) refusal = why_not_heir(parent, relation);
  if (refusal != nullptr) server_refuses(alteration.prediction, refusal);
  // To see that nothing inherits from itself.
  ListCell* cell = nullptr;
  foreach (cell, family_of(relation)) {
    add_lock(alteration.prediction, lfirst_oid(cell), AccessShareLock);
  }
}

void predict_of_type(Alteration& alteration, const TypeName* name) {
  const Oid type = typenameTypeId(nullptr, name);
  add_lock(alteration.prediction, get_typ_typrelid(type), AccessShareLock);
}

// Commands on a column that every child has as well.
void predict_column_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_SetNotNull:
      predict_set_not_null(alteration, relation, command->name);
      break;
    case AT_ColumnDefault:
      predict_set_default(alteration, relation, command);
      break;
    case AT_DropNotNull:
      predict_drop_not_null(alteration, relation, command->name);
      break;
    case AT_AddIdentity:
      predict_add_identity(alteration, relation, command->name);
      break;
    case AT_SetIdentity:
      predict_set_identity(alteration, relation, command);
      break;
    case AT_DropIdentity:
      predict_drop_identity(alteration, relation, command->name);
      break;
    default:
      alter_family(alteration, relation);
      break;
  }
}

void predict_storage_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_SetLogged:
      predict_persistence(alteration, relation, RELPERSISTENCE_PERMANENT);
      break;
    case AT_SetUnLogged:
      predict_persistence(alteration, relation, RELPERSISTENCE_UNLOGGED);
      break;
    case AT_SetAccessMethod:
      predict_access_method(alteration, relation, command->name);
      break;
    case AT_SetTableSpace:
      predict_table_space(alteration, relation, command->name);
      break;
    case AT_ClusterOn:
      predict_index_lock(alteration, relation, command->name, alteration.lock);
      break;
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
      check_options(relation, reinterpret_cast<List*>(command->def),
                    command->subtype == AT_ResetRelOptions);
      break;
    case AT_ReplicaIdentity:
      predict_replica_identity(alteration, relation, command);
      break;
    default:
      break;
  }
}

void predict_partition_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const auto* partition = reinterpret_cast<const PartitionCmd*>(command->def);
  const bool index = get_rel_relkind(relation) == RELKIND_PARTITIONED_INDEX;
  if (command->subtype == AT_DetachPartition) {
    predict_detach(alteration, relation, partition);
  } else if (command->subtype == AT_DetachPartitionFinalize) {
    predict_detach_finalize(alteration, relation, partition);
  } else if (index) {
    predict_attach_index(alteration, relation, partition);
  } else {
    predict_attach(alteration, relation, partition);
  }
}

void predict_relation_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_ChangeOwner:
      predict_owner(alteration, relation, command->newowner);
      break;
    case AT_AddInherit:
      predict_inherit(alteration, relation, reinterpret_cast<const RangeVar*>(command->def),
                      ShareUpdateExclusiveLock);
      break;
    case AT_DropInherit:
      predict_inherit(alteration, relation, reinterpret_cast<const RangeVar*>(command->def),
                      AccessShareLock);
      break;
    case AT_AddOf:
      predict_of_type(alteration, reinterpret_cast<const TypeName*>(command->def));
      break;
    case AT_AttachPartition:
    case AT_DetachPartition:
    case AT_DetachPartitionFinalize:
      predict_partition_command(alteration, relation, command);
      break;
    default:
      break;
  }
}

void predict_constraint_command(Alteration& alteration, Oid relation,
                                const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_AddConstraint:
      predict_add_constraint(alteration, relation,
                             reinterpret_cast<const Constraint*>(command->def));
      break;
    case AT_DropConstraint:
      predict_drop_constraint(alteration, relation, command);
      break;
    case AT_ValidateConstraint:
      predict_validate(alteration, relation, command->name);
      break;
    default:
      predict_alter_constraint(alteration, relation, command);
      break;
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
  if (is_set_expression(command)) {
    predict_set_expression(alteration, relation, command->name);
    return;
  }
  switch (command->subtype) {
    case AT_AddColumn:
      predict_add_column(alteration, relation, command);
      break;
    case AT_DropColumn:
      predict_drop_column(alteration, relation, command);
      break;
    case AT_AlterColumnType:
      predict_type_change(alteration, relation, command);
      break;
    case AT_ColumnDefault:
    case AT_DropNotNull:
    case AT_SetNotNull:
    case AT_DropExpression:
    case AT_SetStatistics:
    case AT_SetStorage:
    case AT_AddIdentity:
    case AT_SetIdentity:
    case AT_DropIdentity:
      predict_column_command(alteration, relation, command);
      break;
    case AT_AddConstraint:
    case AT_DropConstraint:
    case AT_ValidateConstraint:
    case AT_AlterConstraint:
      predict_constraint_command(alteration, relation, command);
      break;
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_DisableTrig:
    case AT_EnableTrigAll:
    case AT_DisableTrigAll:
    case AT_EnableTrigUser:
    case AT_DisableTrigUser:
      predict_trigger(alteration, relation, command->name);
      break;
    default:
      predict_storage_command(alteration, relation, command);
      predict_relation_command(alteration, relation, command);
      break;
  }
}

}  // namespace db_guard::effects
