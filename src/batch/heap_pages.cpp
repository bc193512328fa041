#include "batch/heap_pages.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace db_guard::batch {

namespace {

// By a transaction that was not over, or not begun, when the rows were listed. Versions older than
// two billion transactions are frozen, and count as old wherever their number lies by now.
bool is_newer(const Listing& listing, TransactionId inserter, TransactionId next) {
  if (!TransactionIdIsNormal(inserter)) return false;
  return inserter - listing.oldest_running < next - listing.oldest_running;
}

bool is_unchanged(Page page, OffsetNumber offset, const Listing& listing, TransactionId next) {
  if (offset > PageGetMaxOffsetNumber(page)) return false;
  const ItemId item = PageGetItemId(page, offset);
  if (!ItemIdIsNormal(item)) return false;
  const auto* row = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
  const bool is_touched =
      (row->t_infomask & HEAP_XMAX_INVALID) == 0 && !HEAP_XMAX_IS_LOCKED_ONLY(row->t_infomask);
  return !is_touched && !is_newer(listing, HeapTupleHeaderGetRawXmin(row), next);
}

// The places of a batch while they are told apart: unchanged ones stay in front, others leave.
struct Sorting {
  const Listing& listing;
  ItemPointerData* places;
  int* rows;
  int unchanged;
  ItemPointerData* left_places;
  int* left_rows;
  int left;
};

void put(Sorting& sorting, int i, bool unchanged) {
  ItemPointerData* places = unchanged ? sorting.places : sorting.left_places;
  int* rows = unchanged ? sorting.rows : sorting.left_rows;
  int& count = unchanged ? sorting.unchanged : sorting.left;
  places[count] = sorting.places[i];
  rows[count] = sorting.rows[i];
  count++;
}

void sort_page(Sorting& sorting, ::Relation relation, bool clears, int first, int end) {
  const Buffer buffer = ReadBuffer(relation, ItemPointerGetBlockNumber(&sorting.places[first]));
  if (clears) heap_page_prune_opt(relation, buffer);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const TransactionId next = XidFromFullTransactionId(ReadNextFullTransactionId());
  for (int i = first; i < end; i++) {
    put(sorting, i,
        is_unchanged(BufferGetPage(buffer), ItemPointerGetOffsetNumber(&sorting.places[i]),
                     sorting.listing, next));
  }
  UnlockReleaseBuffer(buffer);
}

int end_of_page(const ItemPointerData* places, int first, int count) {
  const BlockNumber page = ItemPointerGetBlockNumber(&places[first]);
  int end = first + 1;
  while (end < count && ItemPointerGetBlockNumber(&places[end]) == page) end++;
  return end;
}

}  // namespace

Listing begin_listing(Oid table) {
  ::Relation relation = table_open(table, AccessShareLock);
  const Listing listing{relation->rd_rel->relfilenode, GetLatestSnapshot()->xmin};
  table_close(relation, NoLock);
  return listing;
}

int put_unchanged_first(Oid table, const Listing& listing, bool clears, ItemPointerData* places,
                        int* rows, int count) {
  const auto size = std::size_t(std::max(count, 1));
  auto* left_places = static_cast<ItemPointerData*>(palloc(sizeof(ItemPointerData) * size));
  auto* left_rows = static_cast<int*>(palloc(sizeof(int) * size));
  Sorting sorting{listing, places, rows, 0, left_places, left_rows, 0};
  ::Relation relation = table_open(table, NoLock);
  // Written anew, by VACUUM FULL for one, or its end cut off.
  const bool is_rewritten = relation->rd_rel->relfilenode != listing.file;
  const BlockNumber pages = is_rewritten ? 0 : RelationGetNumberOfBlocks(relation);
  for (int i = 0; i < count;) {
    CHECK_FOR_INTERRUPTS();
    const int end = end_of_page(places, i, count);
    if (ItemPointerGetBlockNumber(&places[i]) < pages) {
      sort_page(sorting, relation, clears, i, end);
    } else {
      for (int j = i; j < end; j++) put(sorting, j, false);
    }
    i = end;
  }
  table_close(relation, NoLock);
  memcpy(places + sorting.unchanged, left_places,
         sizeof(ItemPointerData) * std::size_t(sorting.left));
  memcpy(rows + sorting.unchanged, left_rows, sizeof(int) * std::size_t(sorting.left));
  pfree(left_places);
  pfree(left_rows);
  return sorting.unchanged;
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
