// What a batch does to pages besides changing their rows.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "storage/itemptr.h"
}

namespace db_guard::batch {

// What tells a row version that was listed from one that has taken its place since: the table's
// file, and the transactions that were over by then.
struct Listing {
  Oid file;
  TransactionId oldest_running;
};

// Plain server code. To be asked for before places are listed.
Listing begin_listing(Oid table);

// Plain server code. Puts those of the places first that still hold the version of a row that was
// listed there, changed or deleted by nobody, and says how many they are; `rows` follows its place.
// The places come in order, and both kinds stay in it. If `clears`, dead rows are cleared from the
// pages, so that an update finds room there: fetching rows by place does not do that, as a scan
// does.
int put_unchanged_first(Oid table, const Listing& listing, bool clears, ItemPointerData* places,
                        int* rows, int count);

// Plain server code. An array of tids.
Datum place_array(const ItemPointerData* places, int count);

}  // namespace db_guard::batch
