// What a trigger needs to know about its table, kept by the session until the table changes.
#pragma once

#include "rowaudit/audit_shape.hpp"

extern "C" {
#include "executor/tuptable.h"
}

namespace db_guard::rowaudit {

struct Target {
  Oid relation;
  bool valid;
  int32 table_id;
  const Shape* shape;
  MemoryContext memory;
  TupleTableSlot* before;  // for rows of transition tables
  TupleTableSlot* after;
};

// Plain server code. Valid until the next call that may run other code of users.
Target* target_of(::Relation relation, int32 table_id);
// The next use looks at everything anew.
void forget_targets();

}  // namespace db_guard::rowaudit
