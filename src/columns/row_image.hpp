// Rows as bytes: whether two of them are the same, and how to change one column of one.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "commands/trigger.h"
}

namespace db_guard::columns {

// All of this is plain server code.

// Whether the rows hold the same values in all columns but `ignored`, dropped and generated ones.
// Values are compared as they are stored; what is compressed or in TOAST is looked into.
bool is_same_row(TupleDesc shape, HeapTuple one, HeapTuple other, int ignored);

// Whether they hold the same in this column.
bool is_same_column(TupleDesc shape, HeapTuple one, HeapTuple other, int column);

// What the trigger's function returns so that the new row holds the value in this column, whose
// type has a fixed length and is passed by value.
HeapTuple with_value(const TriggerData& data, int column, Datum value, bool is_null);

}  // namespace db_guard::columns
