// What the triggers share with those who write events for whole tables.
#pragma once

#include "rowaudit/audit_image.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace db_guard::rowaudit {

struct CapturedRange {
  int64 first;  // 0: no event
  int64 last;
};

// Plain server code. The command that the running trigger belongs to.
CommandId running_command();

// An event of that kind for every row: those that the active snapshot sees where a range is wanted,
// or else all that are committed or this transaction's own. Returns how many.
int64 capture_table(::Relation relation, int32 table_id, Op op, CapturedRange* range);

}  // namespace db_guard::rowaudit
