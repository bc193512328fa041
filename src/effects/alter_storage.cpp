// Commands on how a relation is kept and to whom it belongs.
#include "effects/alteration.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "utils/acl.h"
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

}  // namespace

bool predict_storage_command(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
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
    case AT_ChangeOwner:
      predict_owner(alteration, relation, command->newowner);
      break;
    case AT_ReplicaIdentity:
      predict_replica_identity(alteration, relation, command);
      break;
    default:
      return false;
  }
  return true;
}

}  // namespace db_guard::effects
