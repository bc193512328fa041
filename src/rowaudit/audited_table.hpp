// Which tables are audited: their numbers, their triggers, and the marks in their logs.
#pragma once

#include "rowaudit/audit_shape.hpp"
#include "rowaudit/audit_triggers.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
}

namespace db_guard::rowaudit {

// Plain server code, all of this.

// The argument of the table's own audit triggers; 0 where it has none.
int32 table_id_in_triggers(::Relation relation);
// The same, or that of a table that was audited under this name; 0 where there is none.
int32 table_id_of(::Relation relation);
// The same, but raises.
int32 audited_table_id(::Relation relation);

// Makes those triggers that are missing, on the table or, as far as they are not made by
// themselves, on one of its partitions.
void make_triggers(Oid relation, int32 table_id);
void drop_triggers(Oid relation);

ColumnLists lists_of(int32 table_id);

// Notes it in db_guard.audit_mark; `range` is the baseline's, or null. Under the active snapshot.
void add_mark(int32 table_id, const char* kind, const char* reason, const CapturedRange* range);

// The table itself, or all its partitions that hold rows; locked.
List* tables_with_rows(Oid relation, LOCKMODE lock);

// Records all rows that the active snapshot sees, and notes it. Returns how many events that took.
int64 record_baseline(Oid relation, int32 table_id, const char* kind, const char* reason);

}  // namespace db_guard::rowaudit
