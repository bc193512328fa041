// What everybody needs who reads the log: who may, typed values of a table, and the events in
// order.
#pragma once

#include "rowaudit/audit_fold.hpp"
#include "rowaudit/audit_sql.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "utils/relcache.h"
}

#include <type_traits>

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

// Runs the query, which has columns audit_id, op and payload, and calls visit(image, audit_id, row)
// for each row, in memory that is reset after. It must not run statements of its own.
template <class Visit>
void visit_events(const char* sql, const Arguments& arguments, Visit&& visit);

struct EventColumns {
  int audit_id;
  int op;
  int payload;
};
Image image_of_row(TupleTableSlot* row, const EventColumns& columns, int64* audit_id);

// The query's rows as they come, without a copy.
using RowVisit = void (*)(void* state, const EventColumns& columns, TupleTableSlot* row);
void visit_rows_of(const char* sql, const Arguments& arguments, RowVisit visit, void* state);

}  // namespace db_guard::rowaudit

namespace db_guard::rowaudit {

template <class Visit>
void visit_events(const char* sql, const Arguments& arguments, Visit&& visit) {
  const RowVisit visit_row = [](void* state, const EventColumns& columns, TupleTableSlot* row) {
    int64 audit_id = 0;
    const Image image = image_of_row(row, columns, &audit_id);
    (*static_cast<std::remove_reference_t<Visit>*>(state))(image, audit_id, row);
  };
  visit_rows_of(sql, arguments, visit_row, &visit);
}

}  // namespace db_guard::rowaudit
