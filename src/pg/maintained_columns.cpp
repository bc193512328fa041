#include "pg/maintained_columns.hpp"

#include "pg/own_function.hpp"

extern "C" {
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
}

namespace db_guard::pg {

namespace {

bool fires(const Trigger& trigger) {
  const bool is_replica = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA;
  return trigger.tgenabled == TRIGGER_FIRES_ALWAYS ||
         trigger.tgenabled == (is_replica ? TRIGGER_FIRES_ON_REPLICA : TRIGGER_FIRES_ON_ORIGIN);
}

bool is_moddatetime(Oid function) {
  const char* name = get_func_name(function);
  return name != nullptr && strcmp(name, "moddatetime") == 0;
}

void note_column(MaintainedColumns& columns, ::Relation table, const Trigger& trigger) {
  if (!fires(trigger) || trigger.tgnargs == 0) return;
  const bool version = is_own_function(trigger.tgfoid, "count_row_version");
  const bool time =
      is_own_function(trigger.tgfoid, "set_updated_at") || is_moddatetime(trigger.tgfoid);
  if (!version && !time) return;
  const AttrNumber column = get_attnum(RelationGetRelid(table), trigger.tgargs[0]);
  if (column <= 0) return;
  columns.all = bms_add_member(columns.all, column);
  if (version) columns.versions = bms_add_member(columns.versions, column);
}

}  // namespace

MaintainedColumns maintained_columns(::Relation table) {
  MaintainedColumns columns{};
  const TriggerDesc* triggers = table->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    note_column(columns, table, triggers->triggers[i]);
  }
  return columns;
}

}  // namespace db_guard::pg
