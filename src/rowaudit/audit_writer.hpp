// Events on their way into the log: gathered, numbered, and written many at a time.
#pragma once

#include "rowaudit/audit_image.hpp"

extern "C" {
#include "access/heapam.h"
}

namespace db_guard::rowaudit {

// Plain server code. Lives in the memory context that it begins in, and ends with it.
struct EventWriter {
  ImageWriter image;
  int32 table_id;
  int count;
  int capacity;
  int skipped;
  Size bytes;
  HeapTupleData* tuples;
  TupleTableSlot** slots;
  BulkInsertState bulk;
  MemoryContext home;
  MemoryContext batch;  // tuples that are not written yet, and what it took to make them
  int64 first_id;       // of the first event written; 0 when there is none
  int64 last_id;
};

EventWriter begin_events(int32 table_id);
// Takes image.payload as the next event.
void add_event(EventWriter& writer, Op op);
// What was put together for a row that makes no event may go.
void skip_event(EventWriter& writer);
void end_events(EventWriter& writer);

}  // namespace db_guard::rowaudit
