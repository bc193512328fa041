// INHERIT and NO INHERIT, and OF a type.
#include "effects/alteration.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

const char* why_not_inherited(Oid parent, Oid child) {
  if (list_member_oid(family_of(child), parent)) return "circular inheritance not allowed";
  if (list_member_oid(find_inheritance_children(parent, NoLock), child)) {
    return "the relation would be inherited from more than once";
  }
  const bool partitions = get_rel_relkind(parent) == RELKIND_PARTITIONED_TABLE ||
                          get_rel_relkind(child) == RELKIND_PARTITIONED_TABLE ||
                          get_rel_relispartition(parent) || get_rel_relispartition(child);
  return partitions ? "partitions and partitioned tables have no other heirs" : nullptr;
}

// InvalidOid where there is none, which the server will say.
Oid lock_parent(Alteration& alteration, const AlterTableCmd* command, LOCKMODE lock) {
  const auto* name = reinterpret_cast<const RangeVar*>(command->def);
  const Oid parent = find_relation(alteration.prediction, name);
  if (OidIsValid(parent)) {
    add_lock(alteration.prediction, parent, lock);
  } else {
    server_refuses(alteration.prediction,
                   psprintf("relation \"%s\" does not exist", name->relname));
  }
  return parent;
}

bool is_parent_of(Oid parent, Oid child) {
  return list_member_oid(find_inheritance_children(parent, NoLock), child);
}

}  // namespace

void predict_no_inherit(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  if (get_rel_relispartition(relation)) {
    server_refuses(alteration.prediction, "cannot change inheritance of a partition");
    return;
  }
  const Oid parent = lock_parent(alteration, command, AccessShareLock);
  if (!OidIsValid(parent) || is_parent_of(parent, relation)) return;
  server_refuses(alteration.prediction, "the relation is not a parent of the table");
}

void predict_inherit(Alteration& alteration, Oid relation, const AlterTableCmd* command) {
  const Oid parent = lock_parent(alteration, command, ShareUpdateExclusiveLock);
  if (!OidIsValid(parent)) return;
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

}  // namespace db_guard::effects
