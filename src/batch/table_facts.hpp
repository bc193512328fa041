// What the catalog says about the tables of a batch job.
#pragma once

#include "batch/statement_text.hpp"
#include "batch/walk_choice.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "access/transam.h"
}

namespace db_guard::batch {

// A column of the key, as the server knows it.
struct KeyType {
  Oid type;
  Oid array;
  Oid collation;
  std::int16_t length;
  bool by_value;
  char align;
};

struct TableFacts {
  Shape shape;
  Traits traits;
  core::Vector<KeyType> key_types;
  double rows = 0;
};

// The job as its caller has put it.
struct Request {
  Oid target = InvalidOid;
  bool deletes = false;
  core::Text set_clause;
  core::Text where_clause;
};

// Throws where the target is nothing whose rows can be changed in batches.
void check_target(const Request& request);

// The tables that hold its rows: itself, its partitions, its children; or itself with all of them
// at once where the caller has no right on each, or where row security of the target decides.
struct Segments {
  core::Vector<Oid> tables;
  bool together = false;
};
Segments segments_of(const Request& request);

// Reads and checks a table; false when it is gone.
bool read_table(const Request& request, Oid table, bool together, TableFacts& facts);

// schema.table, quoted.
core::Text name_of(Oid table);

// Who keeps dead rows newer than `since` from being removed; empty for nobody.
core::Text horizon_holder(Oid table, FullTransactionId since);

}  // namespace db_guard::batch
