// What everybody needs who reads the log: who may, typed values of a table, and the events in
// order.
#pragma once

#include "rowaudit/audit_fold.hpp"
#include "rowaudit/audit_sql.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace db_guard::rowaudit {

// Plain server code, all of this.

// Raises for who neither may SELECT db_guard.audit_log nor, where a relation is given, owns it.
void check_may_read(::Relation relation);

// --- rows of a table
// --------------------------------------------------------------------------------

// How to make a value of today's column from one of the log.
struct Conversion {
  int16 column_id;  // 0: not in the log
  bool direct;
  FmgrInfo input;
  Oid io_parameter;
  int32 typmod;
};

// One for each attribute of the relation's row.
Conversion* conversions_to(::Relation relation, const Shape* shape);

struct AsOwner {
  SavedUser saved;
  int nest_level;
};
// Input functions of users' types may run users' code: in the name of the table's owner, who could
// have it run anyway, and with nothing but that.
AsOwner enter_table_owner(::Relation relation);
void leave_table_owner(const AsOwner& state);

// By `column` of the log's; raises where today's type has no such value.
Datum convert_value(const Conversion& conversion, const Column* column, const Value& value,
                    bool* is_null);

// --- events
// -----------------------------------------------------------------------------------------

// Runs the query, whose columns begin with audit_id, op, payload, and calls visit(image, audit_id,
// row, shape of the row) for each row, in memory that is reset after.
template <class Visit>
void visit_events(const char* sql, const Arguments& arguments, Visit&& visit);

struct EventRow {
  HeapTuple tuple;
  TupleDesc desc;
};
Image image_of_row(const EventRow& row, int64* audit_id);

}  // namespace db_guard::rowaudit

namespace db_guard::rowaudit {

template <class Visit>
void visit_events(const char* sql, const Arguments& arguments, Visit&& visit) {
  constexpr long kRowsAtOnce = 1000;
  Portal portal = SPI_cursor_open_with_args(
      nullptr, sql, arguments.count, const_cast<Oid*>(arguments.types),
      const_cast<Datum*>(arguments.values), arguments.nulls, true, CURSOR_OPT_NO_SCROLL);
  MemoryContext scratch =
      AllocSetContextCreate(CurrentMemoryContext, "db_guard event", ALLOCSET_DEFAULT_SIZES);
  for (;;) {
    SPI_cursor_fetch(portal, true, kRowsAtOnce);
    const uint64 rows = SPI_processed;
    for (uint64 i = 0; i < rows; i++) {
      CHECK_FOR_INTERRUPTS();
      const MemoryContext outside = MemoryContextSwitchTo(scratch);
      const EventRow row{SPI_tuptable->vals[i], SPI_tuptable->tupdesc};
      int64 audit_id = 0;
      const Image image = image_of_row(row, &audit_id);
      visit(image, audit_id, row);
      MemoryContextSwitchTo(outside);
      MemoryContextReset(scratch);
    }
    SPI_freetuptable(SPI_tuptable);
    if (rows < uint64(kRowsAtOnce)) break;
  }
  SPI_cursor_close(portal);
  MemoryContextDelete(scratch);
}

}  // namespace db_guard::rowaudit
