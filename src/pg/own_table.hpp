// Reading the tables of the extension, whoever runs the statement and whatever the search_path.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/htup.h"
#include "access/relation.h"
#include "utils/relcache.h"
}

namespace db_guard::pg {

struct OwnTable {
  const char* name;
  const Oid* types;  // of its columns, in order
  int columns;
};

// All of this is plain server code.

// Opens it without waiting. Null where it cannot be read: another session holds it locked, somebody
// has altered it (`problem` says so), or an older version of the extension has none (it stays
// null).
::Relation open_own_table(const OwnTable& table, const char** problem);

// False only where the table surely holds no row, or is not there. Cheap enough for every DDL
// statement: that it is empty is remembered until its trigger db_guard.tell_of_rows() tells all
// sessions of a row; a table without that trigger is not to be asked about here.
bool may_hold_rows(const char* own_table);

using RowReader = void (*)(HeapTuple row, TupleDesc shape, void* argument);

// Calls the reader for every row. The statement's snapshot decides what it sees; where none
// is set, as in a LOCK that begins a transaction, what is committed, because a snapshot taken here
// would be the transaction's for good.
void read_rows(::Relation table, RowReader reader, void* argument);

// The same for the rows whose first column, a bigint, has that value; by the index of that name
// where there is one.
void read_rows_of_key(::Relation table, const char* index, std::int64_t key, RowReader reader,
                      void* argument);

void close_own_table(::Relation table);

// The text of a column; null for NULL. It lives in the current memory context.
const char* text_of_column(HeapTuple row, TupleDesc shape, int column);

}  // namespace db_guard::pg
