// The time that updated_at and deleted_at are set to.
#pragma once

#include "columns/trigger_call.hpp"

namespace db_guard::columns {

enum class Clock { kTransaction, kStatement, kWall };

// A time in the type of a column.
struct StampClock {
  Clock clock;
  Oid type;
  int32 precision;  // the column's typmod
  bool known;       // `value` is that of the whole statement
  Datum value;
};

// Plain server code. By the trigger's option "clock"; an error where the column is not of a type
// for times.
StampClock make_clock(const TriggerData& data, int column);

Datum read_clock(StampClock& clock);

// The same without a trigger, for a column of that type.
StampClock make_clock(Oid type, int32 precision, Clock clock);

Clock clock_of_trigger(const Trigger& trigger);

}  // namespace db_guard::columns
