// Putting a row back that the running command has just deleted, with its mark.
#pragma once

#include "columns/row_insertion.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace db_guard::columns {

// Plain server code, between SPI_connect and SPI_finish: the plan of that statement, kept for the
// session. `slot` tells apart what is kept for the same relation.
SPIPlanPtr kept_plan(Oid relation, Oid slot, const char* sql, int parameters, Oid* types);

// What puts rows of the trigger's table back: an INSERT, where others are to see one, or what is
// quicker.
struct Reinsertion {
  bool needs_statement;
  RowInsertion insertion;  // where it needs none
  const char* sql;
  int columns;   // of the statement
  int* numbers;  // their numbers in the table
  Oid* types;
};

// Lives in the given memory context.
Reinsertion make_reinsertion(Relation table, MemoryContext memory);

// Inserts the deleted row with that value in `marked`, with the rights of the table's owner, as
// foreign keys do; BEFORE INSERT triggers do not get to see it. Its AFTER triggers fire when those
// of the DELETE have.
void reinsert(const TriggerData& data, const Reinsertion& statement, int marked, Datum value);

// For ExecutorStart: whether the statement that begins now is such an INSERT. True once for each.
bool takes_reinsertion(Oid relation) noexcept;

}  // namespace db_guard::columns
