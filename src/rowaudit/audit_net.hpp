// What several events have made of rows taken together: each row before the first and after the
// last.
#pragma once

#include "rowaudit/audit_fold.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace db_guard::rowaudit {

// Column ids mean something within a table only.
struct NetTable {
  int32 table_id;
  Fold fold;  // for its memory and what it knows of columns
};

struct Net {
  NetTable* table;
  const Shape* shape;  // of the last event
  bool had;            // the row was there before
  bool has;            // and is there after
  FoldedRow before;    // as far as the events tell
  FoldedRow after;
};

struct NetChanges {
  MemoryContext memory;
  List* tables;  // of NetTable*
  HTAB* by_key;
  List* nets;  // of Net*, in the order in which rows were touched first
};

// Plain server code. Lives in the current memory context.
NetChanges begin_net();
// In the order in which the events changed rows.
void add_to_net(NetChanges& changes, const Image& image);

}  // namespace db_guard::rowaudit
