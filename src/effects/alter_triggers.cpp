// ENABLE and DISABLE TRIGGER: those of partitions that were cloned from the parent's follow it.
#include "effects/alteration.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace db_guard::effects {

namespace {

// No name means all of them.
bool has_row_trigger(Oid relation, const char* name) {
  bool found = false;
  ::Relation catalog = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(relation));
  SysScanDesc scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    if (name != nullptr && strcmp(NameStr(form->tgname), name) != 0) continue;
    found |= TRIGGER_FOR_ROW(form->tgtype);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

}  // namespace

void predict_trigger(Alteration& alteration, Oid relation, const char* name) {
  if (get_rel_relkind(relation) != RELKIND_PARTITIONED_TABLE || !alteration.recurse) return;
  if (has_row_trigger(relation, name)) alter_whole_family(alteration, relation);
}

}  // namespace db_guard::effects
