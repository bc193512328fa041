#include "effects/foreign_key.hpp"

#include "effects/dependencies.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "nodes/bitmapset.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::effects {

namespace {

Bitmapset* numbers_of(Oid table, const List* columns) {
  Bitmapset* numbers = nullptr;
  ListCell* cell = nullptr;
  foreach (cell, columns) {
    const AttrNumber number = get_attnum(table, strVal(lfirst(cell)));
    if (number > 0) numbers = bms_add_member(numbers, number);
  }
  return numbers;
}

bool proves_unique(Oid index, const Bitmapset* columns, int count) {
  bool proves = false;
  pg::read_syscache<Form_pg_index>(
      INDEXRELID, ObjectIdGetDatum(index), [&](Form_pg_index form, HeapTuple tuple) {
        if (columns == nullptr) {
          proves = form->indisprimary && form->indisvalid;
          return;
        }
        proves = form->indnkeyatts == count && form->indisunique && form->indisvalid &&
                 form->indimmediate && heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
                 heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
        for (int i = 0; proves && i < count; i++) {
          proves = bms_is_member(form->indkey.values[i], columns);
        }
      });
  return proves;
}

}  // namespace

void lock_for_known_key(Prediction& prediction, Oid referenced, Oid index) {
  lock_family(prediction, referenced, ShareRowExclusiveLock);
  lock_dependency(prediction, index);
}

void lock_for_foreign_key(Prediction& prediction, Oid referenced, const List* columns) {
  const Bitmapset* numbers = numbers_of(referenced, columns);
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(referenced)) {
    if (!proves_unique(lfirst_oid(cell), numbers, list_length(columns))) continue;
    lock_family(prediction, referenced, ShareRowExclusiveLock);
    ListCell* part = nullptr;
    foreach (part, family_of(lfirst_oid(cell))) lock_dependency(prediction, lfirst_oid(part));
    return;
  }
  add_lock(prediction, referenced, ShareRowExclusiveLock);
  server_refuses(prediction,
                 psprintf("there is no unique constraint matching given keys for referenced table "
                          "\"%s\"",
                          get_rel_name(referenced)));
}

}  // namespace db_guard::effects
