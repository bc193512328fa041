// What a revert has to do, in groups of rows that one statement can treat: of the same table, with
// the same columns told of.
#pragma once

#include "pg/maintained_columns.hpp"
#include "rowaudit/audit_net.hpp"
#include "rowaudit/audit_reading.hpp"

extern "C" {
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
}

namespace db_guard::rowaudit {

enum class Kind { kRestore, kChange, kRemove };

// A table that the changes were made in.
struct RevertedTable {
  int32 table_id;
  Oid relation;
  int rank;  // parents have lower ones
  const Shape* shape;
  Conversion* conversions;
  const Fold* fold;
  // They follow a revert, too, and a later change of them alone is in nobody's way.
  pg::MaintainedColumns followed;
};

// Rows of one table that are treated alike: the same columns.
struct Group {
  RevertedTable* table;
  Kind kind;
  Bitmapset* columns;  // attribute numbers that are told of
  bool moves;          // the key is among what has changed
  bool locked;         // all rows, as they were when they were found to be as expected
  List* nets;
};

// Plain server code, all of this.

// A list of Group*. Raises where a table is gone, a column was redacted, or the log may not be
// read.
List* groups_of(const NetChanges& changes);

bool is_key(const RevertedTable* table, int attnum);

// For list_sort: parents before children, and rows that are to go behind all others, or before.
int compare_removing_last(const ListCell* a, const ListCell* b);
int compare_removing_first(const ListCell* a, const ListCell* b);

}  // namespace db_guard::rowaudit
