// Putting rows into a table and its indexes as the executor does, without a statement for each.
#pragma once

#include "columns/trigger_call.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace db_guard::columns {

// All of this is plain server code.

// What inserting rows into the trigger's table takes, while one statement runs.
struct RowInsertion {
  EState* state;
  ResultRelInfo* target;
  TupleTableSlot* row;
  Oid* indexes;
};

// Whether an INSERT would do nothing beyond that: no statement triggers, no transition tables.
bool takes_single_rows(Relation table);

// Lives in the current memory context.
RowInsertion make_row_insertion(Relation table);

// Inserts what the trigger's row held, with that value in `marked`. Checks constraints and queues
// AFTER triggers; BEFORE triggers and row-level security are not asked.
void insert_row(const TriggerData& data, const RowInsertion& insertion, int marked, Datum value);

}  // namespace db_guard::columns
