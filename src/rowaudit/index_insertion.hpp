// Indexes on the log: the one by number that every partition has, those of
// db_guard.create_audit_index, and what somebody has made himself.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/htup.h"
#include "executor/tuptable.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"
}

namespace db_guard::rowaudit {

// Plain server code. For rows that are in the heap already.

// What our own indexes hold of an event.
struct IndexedEvent {
  int64 audit_id;
  const varlena* payload;
  int64 key_hash;  // of the payload's key; set where an index is by it
  ItemPointerData place;
  int32 table_id;
  bool moved;
};

// Whether the partition has no other indexes than ours.
bool has_own_indexes_only(::Relation relation);

// By ascending audit_id. Sorts them, so that neighbours go to the index one behind the other.
void insert_into_own_indexes(::Relation relation, IndexedEvent* events, int count);

// Into all indexes; the slots say where the rows are.
void insert_into_indexes(::Relation relation, TupleTableSlot** rows, int count);

// Of the key that an event is about, and of its table: what the index by key holds.
int64 key_hash_of(int32 table_id, const varlena* payload);

}  // namespace db_guard::rowaudit
