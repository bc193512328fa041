// Indexes on the log, which it has only where somebody made them.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "utils/relcache.h"
}

namespace db_guard::rowaudit {

// Plain server code. For rows that are in the heap already; their slots say where.
void insert_into_indexes(::Relation relation, TupleTableSlot** rows, int count);

}  // namespace db_guard::rowaudit
