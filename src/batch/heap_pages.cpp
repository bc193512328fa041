#include "batch/heap_pages.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/table.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/rel.h"
}

namespace db_guard::batch {

void clear_dead_rows(Oid table, const ItemPointerData* places, int count) {
  ::Relation relation = table_open(table, NoLock);
  // The end may have been cut off since the places were listed.
  const BlockNumber pages = RelationGetNumberOfBlocks(relation);
  BlockNumber last = InvalidBlockNumber;
  for (int i = 0; i < count; i++) {
    const BlockNumber page = ItemPointerGetBlockNumber(&places[i]);
    if (page == last || page >= pages) continue;
    last = page;
    CHECK_FOR_INTERRUPTS();
    const Buffer buffer = ReadBuffer(relation, page);
    heap_page_prune_opt(relation, buffer);
    ReleaseBuffer(buffer);
  }
  table_close(relation, NoLock);
}

Datum place_array(const ItemPointerData* places, int count) {
  auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * std::size_t(std::max(count, 1))));
  for (int i = 0; i < count; i++) elements[i] = PointerGetDatum(&places[i]);
  ArrayType* array =
      construct_array(elements, count, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT);
  pfree(elements);
  return PointerGetDatum(array);
}

}  // namespace db_guard::batch
