// From where a table's log can be folded to a point in time.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "datatype/timestamp.h"
#include "utils/relcache.h"
}

namespace db_guard::rowaudit {

struct Mark {
  int64 id;
  int64 transaction;
  int64 commit_id;
  char kind;  // the first letter
  bool has_rows;
  int64 first_id;
  int64 last_id;
  Datum snapshot;
  int64 origin_since;  // no event before is of the cluster that the snapshot is of
};

// Plain server code, between SPI_connect and SPI_finish. The baseline to begin with; raises where
// the log does not reach the point.
Mark choose_baseline(::Relation relation, int32 table_id, int64 bound, MemoryContext memory);

}  // namespace db_guard::rowaudit
