// What a batch does to pages besides changing their rows.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "storage/itemptr.h"
}

namespace db_guard::batch {

// Plain server code. Clears dead rows from the pages of these places, which come in order: unlike a
// scan, fetching rows by place does not, and then no update would find room beside its old version.
void clear_dead_rows(Oid table, const ItemPointerData* places, int count);

// Plain server code. An array of tids.
Datum place_array(const ItemPointerData* places, int count);

}  // namespace db_guard::batch
