// nextval() would do, but it gives one number a call and changes what lastval() says to the client.
// This moves the sequence as nextval() does: a WAL record only now and then, for numbers ahead.
#include "rowaudit/audit_clock.hpp"

#include "pg/sequence_record.hpp"
#include "rowaudit/audit_tables.hpp"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

namespace db_guard::rowaudit {

namespace {

// Ten milliseconds of ticks: after a crash the numbers go on that far ahead at most, and no server
// recovers as fast, so that they are not ahead of the clock.
constexpr int64 kTicksAhead = tick_of(USECS_PER_SEC / 100);
constexpr int64 kNumbersAhead = 32;

struct Place {
  Buffer buffer;
  HeapTupleData tuple;
  Form_pg_sequence_data data;
};

Place open_place(Relation sequence) {
  Place place{};
  place.buffer = ReadBuffer(sequence, 0);
  LockBuffer(place.buffer, BUFFER_LOCK_EXCLUSIVE);
  Page page = BufferGetPage(place.buffer);
  ItemId item = PageGetItemId(page, FirstOffsetNumber);
  place.tuple.t_data = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
  place.tuple.t_len = ItemIdGetLength(item);
  place.data = reinterpret_cast<Form_pg_sequence_data>(GETSTRUCT(&place.tuple));
  return place;
}

void log_state(Relation sequence, const Place& place, int64 value) {
  place.data->last_value = value;
  place.data->is_called = true;
  place.data->log_cnt = 0;
  XLogBeginInsert();
  XLogRegisterBuffer(0, place.buffer, REGBUF_WILL_INIT);
  xl_seq_rec record = pg::sequence_record(sequence);
  XLogRegisterData(reinterpret_cast<char*>(&record), sizeof(record));
  XLogRegisterData(reinterpret_cast<char*>(place.tuple.t_data), place.tuple.t_len);
  // A variable: PageSetLSN may be a macro that names its argument twice.
  const XLogRecPtr end = XLogInsert(RM_SEQ_ID, XLOG_SEQ_LOG);
  PageSetLSN(BufferGetPage(place.buffer), end);
}

bool needs_log(const Place& place, int64 last, int64 logged) {
  return last > logged || !place.data->is_called ||
         PageGetLSN(BufferGetPage(place.buffer)) <= GetRedoRecPtr();
}

// The numbers [first, first + count), none below `floor`.
int64 advance(Relation sequence, int64 count, int64 floor, int64 ahead) {
  Place place = open_place(sequence);
  const int64 next = place.data->last_value + (place.data->is_called ? 1 : 0);
  const int64 first = Max(next, floor);
  const int64 last = first + count - 1;
  int64 logged = place.data->last_value + place.data->log_cnt;
  const bool log = needs_log(place, last, logged);
  if (log) logged = last + ahead;
  START_CRIT_SECTION();
  MarkBufferDirty(place.buffer);
  // What was made in this transaction may be written to disk whole instead.
  if (log && RelationNeedsWAL(sequence)) log_state(sequence, place, logged);
  place.data->last_value = last;
  place.data->is_called = true;
  place.data->log_cnt = logged - last;
  END_CRIT_SECTION();
  UnlockReleaseBuffer(place.buffer);
  return first;
}

int64 draw(OwnRelation which, int64 count, int64 floor, int64 ahead) {
  // The commit must flush what is logged here, and outside of the critical section.
  (void)GetTopTransactionId();
  Relation sequence = relation_open(own_relation(which), RowExclusiveLock);
  const int64 first = advance(sequence, count, floor, ahead);
  relation_close(sequence, NoLock);
  return first;
}

}  // namespace

int64 draw_ticks(int64 count) {
  return draw(OwnRelation::kClock, count, tick_of(GetCurrentTimestamp()), kTicksAhead);
}

int32 draw_number() { return int32(draw(OwnRelation::kNumber, 1, 1, kNumbersAhead)); }

}  // namespace db_guard::rowaudit
