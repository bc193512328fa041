// Which command goes with which kind of relation, as far as all supported servers agree; and who
// may alter it.
#include "effects/alteration.hpp"
#include "effects/effects_version.hpp"

#include "pg/server_version.hpp"

extern "C" {
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

bool is_table(char kind) {
  return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
         kind == RELKIND_FOREIGN_TABLE;
}

bool alters_rows(const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_AddColumn:
    case AT_DropColumn:
    case AT_AlterColumnType:
      return true;
    default:
      return false;
  }
}

bool alters_tables_only(const AlterTableCmd* command) {
  switch (command->subtype) {
    case AT_SetNotNull:
    case AT_DropNotNull:
    case AT_DropExpression:
    case AT_AddConstraint:
    case AT_DropConstraint:
    case AT_ValidateConstraint:
    case AT_AlterConstraint:
    case AT_EnableTrig:
    case AT_DisableTrig:
    case AT_EnableTrigAll:
    case AT_DisableTrigAll:
    case AT_AddInherit:
    case AT_DropInherit:
    case AT_DetachPartition:
    case AT_DetachPartitionFinalize:
      return true;
    default:
      return is_set_expression(command);
  }
}

}  // namespace

bool suits_kind(const AlterTableCmd* command, Oid relation) {
  const char kind = get_rel_relkind(relation);
  if (command->subtype == AT_DetachPartition) return kind == RELKIND_PARTITIONED_TABLE;
  if (command->subtype == AT_ColumnDefault) return is_table(kind) || kind == RELKIND_VIEW;
  if (command->subtype == AT_SetTableSpace) return kind != RELKIND_SEQUENCE;
  if (command->subtype == AT_SetRelOptions || command->subtype == AT_ResetRelOptions) {
    return kind != RELKIND_PARTITIONED_INDEX && kind != RELKIND_FOREIGN_TABLE;
  }
  if (alters_rows(command)) return is_table(kind) || kind == RELKIND_COMPOSITE_TYPE;
  return !alters_tables_only(command) || is_table(kind);
}

const char* why_not_altered(Oid relation) {
  if (!pg::owns_relation(relation)) {
    return psprintf("must be owner of relation %s", get_rel_name(relation));
  }
  if (!allowSystemTableMods && IsCatalogRelationOid(relation)) {
    return psprintf("permission denied: \"%s\" is a system catalog", get_rel_name(relation));
  }
  return nullptr;
}

}  // namespace db_guard::effects
