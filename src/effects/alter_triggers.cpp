// ENABLE and DISABLE TRIGGER: those of partitions that were cloned from the parent's follow it.
#include "effects/alteration.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

struct RowTrigger {
  const char* name;
  bool internal;
  Oid constraint_table;  // of FROM in CREATE CONSTRAINT TRIGGER
};

List* row_triggers_of(Oid relation) {
  List* found = NIL;
  ::Relation catalog = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(relation));
  SysScanDesc scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    if (!TRIGGER_FOR_ROW(form->tgtype)) continue;
    auto* trigger = static_cast<RowTrigger*>(palloc(sizeof(RowTrigger)));
    *trigger = {pstrdup(NameStr(form->tgname)), form->tgisinternal, form->tgconstrrelid};
    found = lappend(found, trigger);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

// No name means all of them.
bool has_row_trigger(Oid relation, const char* name) {
  ListCell* cell = nullptr;
  foreach (cell, row_triggers_of(relation)) {
    const auto* trigger = static_cast<const RowTrigger*>(lfirst(cell));
    if (name == nullptr || strcmp(trigger->name, name) == 0) return true;
  }
  return false;
}

}  // namespace

void predict_trigger(Alteration& alteration, Oid relation, const char* name) {
  if (name != nullptr && !OidIsValid(get_trigger_oid(relation, name, true))) {
    server_refuses(alteration.prediction, psprintf("trigger \"%s\" does not exist", name));
    return;
  }
  if (get_rel_relkind(relation) != RELKIND_PARTITIONED_TABLE || !alteration.recurse) return;
  if (has_row_trigger(relation, name)) alter_whole_family(alteration, relation);
}

void predict_cloned_triggers(Alteration& alteration, Oid parent) {
  ListCell* cell = nullptr;
  foreach (cell, row_triggers_of(parent)) {
    const auto* trigger = static_cast<const RowTrigger*>(lfirst(cell));
    if (trigger->internal || !OidIsValid(trigger->constraint_table)) continue;
    add_lock(alteration.prediction, trigger->constraint_table, AccessShareLock);
  }
}

}  // namespace db_guard::effects
