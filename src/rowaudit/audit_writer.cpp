#include "rowaudit/audit_writer.hpp"

#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_context.hpp"
#include "rowaudit/audit_partition.hpp"
#include "rowaudit/index_insertion.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/hio.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
}

namespace db_guard::rowaudit {

namespace {

constexpr int kFirstRows = 8;
constexpr int kMaxRows = 1000;
constexpr Size kBatchBytes = 512 * 1024;

// db_guard.audit_event's row up to its payload. Written by hand: it has no NULLs and never changes.
struct EventHead {
  int64 audit_id;
  int64 transaction;
  int32 table_id;
  char op;
};
constexpr int kEventColumns = 5;
constexpr Size kHeadLength = 21;  // without what the compiler pads
constexpr Size kHeaderLength = MAXALIGN(SizeofHeapTupleHeader);

EventHead* head_of(const HeapTupleData& tuple) {
  return reinterpret_cast<EventHead*>(reinterpret_cast<char*>(tuple.t_data) + kHeaderLength);
}

bool is_short(Size payload) { return payload + VARHDRSZ_SHORT <= VARATT_SHORT_MAX; }

Size payload_offset(Size payload) {
  return is_short(payload) ? kHeadLength : INTALIGN(kHeadLength);
}

Size tuple_length(Size payload) {
  return kHeaderLength + payload_offset(payload) + (is_short(payload) ? VARHDRSZ_SHORT : VARHDRSZ) +
         payload;
}

void put_payload(char* target, const ByteBuffer& payload) {
  if (is_short(payload.length)) {
    SET_VARSIZE_SHORT(target, payload.length + VARHDRSZ_SHORT);
    memcpy(VARDATA_SHORT(target), payload.data, payload.length);
    return;
  }
  SET_VARSIZE(target, payload.length + VARHDRSZ);
  memcpy(VARDATA(target), payload.data, payload.length);
}

void check_size(const ByteBuffer& payload) {
  if (payload.length <= MaxAllocSize / 2) return;
  ereport(
      ERROR,
      (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
       errmsg("the row is too large for the audit log: its image takes %zu bytes", payload.length),
       errdetail("An image holds all values of the row uncompressed, 512 MB at most."),
       errhint("Leave large columns out: db_guard.enable_audit(..., ignore_columns => '{...}').")));
}

void form_tuple(HeapTupleData& tuple, int32 table_id, Op op, const ByteBuffer& payload) {
  const Size length = tuple_length(payload.length);
  auto* header = static_cast<HeapTupleHeader>(palloc(length));
  // All else is written: no byte of the row is padding that anybody could see, but for these.
  memset(header, 0, kHeaderLength + payload_offset(payload.length));
  tuple.t_data = header;
  tuple.t_len = uint32(length);
  tuple.t_tableOid = InvalidOid;
  ItemPointerSetInvalid(&tuple.t_self);
  HeapTupleHeaderSetNatts(header, kEventColumns);
  header->t_hoff = kHeaderLength;
  header->t_infomask = HEAP_HASVARWIDTH;
  HeapTupleHeaderSetDatumLength(header, length);
  EventHead* head = head_of(tuple);
  head->table_id = table_id;
  head->op = char(op);
  put_payload(reinterpret_cast<char*>(head) + payload_offset(payload.length), payload);
}

// Slots are made when a second row comes: most statements write one.
void prepare_slots(EventWriter& writer, Relation leaf, int count) {
  if (writer.slots == nullptr) {
    writer.slots = static_cast<TupleTableSlot**>(
        MemoryContextAllocZero(writer.home, sizeof(TupleTableSlot*) * kMaxRows));
  }
  const MemoryContext before = MemoryContextSwitchTo(writer.home);
  TupleDesc desc = nullptr;
  for (int i = 0; i < count; i++) {
    if (writer.slots[i] != nullptr) continue;
    if (desc == nullptr) desc = CreateTupleDescCopy(RelationGetDescr(leaf));
    writer.slots[i] = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
  }
  MemoryContextSwitchTo(before);
}

// What is not short is aligned, behind bytes that are zero.
const varlena* payload_of(const HeapTupleData& tuple) {
  const char* at = reinterpret_cast<const char*>(head_of(tuple)) + kHeadLength;
  if (*at == 0) at = reinterpret_cast<const char*>(head_of(tuple)) + INTALIGN(kHeadLength);
  return reinterpret_cast<const varlena*>(at);
}

IndexedEvent indexed_event(const HeapTupleData& tuple, const ItemPointerData& place) {
  const EventHead* head = head_of(tuple);
  return {head->audit_id, payload_of(tuple), 0, place, head->table_id, head->op == char(Op::kMove)};
}

void enter_many(EventWriter& writer, Relation leaf, const HeapTupleData* tuples, int count) {
  if (!has_own_indexes_only(leaf)) {
    insert_into_indexes(leaf, writer.slots, count);
    return;
  }
  auto* events = static_cast<IndexedEvent*>(
      MemoryContextAlloc(writer.batch, sizeof(IndexedEvent) * Size(count)));
  for (int i = 0; i < count; i++) events[i] = indexed_event(tuples[i], writer.slots[i]->tts_tid);
  insert_into_own_indexes(leaf, events, count);
}

void insert_many(EventWriter& writer, Relation leaf, HeapTupleData* tuples, int count) {
  prepare_slots(writer, leaf, count);
  for (int i = 0; i < count; i++) ExecStoreHeapTuple(&tuples[i], writer.slots[i], false);
  // It leaves eight bytes a row behind.
  const MemoryContext before = MemoryContextSwitchTo(writer.batch);
  heap_multi_insert(leaf, writer.slots, count, GetCurrentCommandId(true), 0, writer.bulk);
  MemoryContextSwitchTo(before);
  if (leaf->rd_rel->relhasindex) enter_many(writer, leaf, tuples, count);
}

void insert_one(EventWriter& writer, Relation leaf, HeapTupleData* tuple) {
  // What somebody has indexed needs a slot.
  if (leaf->rd_rel->relhasindex && !has_own_indexes_only(leaf)) {
    insert_many(writer, leaf, tuple, 1);
    return;
  }
  heap_insert(leaf, tuple, GetCurrentCommandId(true), 0, writer.bulk);
  if (!leaf->rd_rel->relhasindex) return;
  IndexedEvent event = indexed_event(*tuple, tuple->t_self);
  insert_into_own_indexes(leaf, &event, 1);
}

int count_before(const HeapTupleData* tuples, int count, int64 bound) {
  int n = 0;
  while (n < count && head_of(tuples[n])->audit_id < bound) n++;
  return n;
}

void insert_events(EventWriter& writer, HeapTupleData* tuples, int count) {
  while (count > 0) {
    const Leaf leaf = leaf_of(head_of(tuples[0])->audit_id);
    const int here = count_before(tuples, count, leaf.to);
    Relation relation = table_open(leaf.events, RowExclusiveLock);
    if (here == 1) {
      insert_one(writer, relation, tuples);
    } else {
      insert_many(writer, relation, tuples, here);
    }
    table_close(relation, NoLock);
    // Another partition is another file.
    if (here < count && writer.bulk != nullptr) ReleaseBulkInsertStatePin(writer.bulk);
    tuples += here;
    count -= here;
  }
}

// Small at first: most statements write one row.
void grow(EventWriter& writer) {
  const int capacity = writer.capacity == 0 ? kFirstRows : kMaxRows;
  const Size bytes = sizeof(HeapTupleData) * Size(capacity);
  writer.tuples =
      static_cast<HeapTupleData*>(writer.tuples == nullptr ? MemoryContextAlloc(writer.home, bytes)
                                                           : repalloc(writer.tuples, bytes));
  writer.capacity = capacity;
}

void number_events(EventWriter& writer) {
  const int64 part = current_part();
  const int64 first = draw_ticks(writer.count);
  for (int i = 0; i < writer.count; i++) {
    EventHead* head = head_of(writer.tuples[i]);
    head->audit_id = first + i;
    head->transaction = part;
  }
  if (writer.first_id == 0) writer.first_id = first;
  writer.last_id = first + writer.count - 1;
}

void flush_events(EventWriter& writer, bool more) {
  if (writer.count == 0) return;
  number_events(writer);
  // A ring of buffers for what is longer than a batch, so that it does not push out all others.
  if (more && writer.bulk == nullptr) {
    const MemoryContext before = MemoryContextSwitchTo(writer.home);
    writer.bulk = GetBulkInsertState();
    MemoryContextSwitchTo(before);
  }
  insert_events(writer, writer.tuples, writer.count);
  writer.count = 0;
  writer.bytes = 0;
  MemoryContextReset(writer.batch);
}

}  // namespace

EventWriter begin_events(int32 table_id) {
  EventWriter writer{};
  writer.table_id = table_id;
  writer.home = CurrentMemoryContext;
  // They grow where they begin, whatever the memory context then is.
  writer.image.payload = new_buffer();
  writer.image.key = new_buffer();
  writer.batch = AllocSetContextCreate(writer.home, "db_guard audit batch", ALLOCSET_DEFAULT_SIZES);
  return writer;
}

void add_event(EventWriter& writer, Op op) {
  check_size(writer.image.payload);
  if (writer.count == writer.capacity) grow(writer);
  const MemoryContext before = MemoryContextSwitchTo(writer.batch);
  HeapTupleData& tuple = writer.tuples[writer.count];
  form_tuple(tuple, writer.table_id, op, writer.image.payload);
  MemoryContextSwitchTo(before);
  writer.count++;
  writer.bytes += tuple.t_len;
  if (writer.count == kMaxRows || writer.bytes >= kBatchBytes) flush_events(writer, true);
}

void skip_event(EventWriter& writer) {
  if (writer.count > 0 || ++writer.skipped < kMaxRows) return;
  writer.skipped = 0;
  MemoryContextReset(writer.batch);
}

void end_events(EventWriter& writer) {
  flush_events(writer, false);
  if (writer.bulk != nullptr) FreeBulkInsertState(writer.bulk);
  for (int i = 0; writer.slots != nullptr && i < kMaxRows && writer.slots[i] != nullptr; i++) {
    ExecClearTuple(writer.slots[i]);
  }
  MemoryContextDelete(writer.batch);
}

}  // namespace db_guard::rowaudit
