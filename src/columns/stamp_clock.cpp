#include "columns/stamp_clock.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
}

namespace db_guard::columns {

namespace {

Clock clock_by_name(const char* name) {
  if (name != nullptr && strcmp(name, "wall") == 0) return Clock::kWall;
  if (name != nullptr && strcmp(name, "statement") == 0) return Clock::kStatement;
  return Clock::kTransaction;
}

TimestampTz now_by(Clock clock) {
  switch (clock) {
    case Clock::kTransaction:
      return GetCurrentTransactionStartTimestamp();
    case Clock::kStatement:
      return GetCurrentStatementStartTimestamp();
    case Clock::kWall:
      break;
  }
  return GetCurrentTimestamp();
}

Datum in_type(const StampClock& clock, TimestampTz time) {
  const bool local = clock.type == TIMESTAMPOID;
  Datum value = TimestampTzGetDatum(time);
  if (local) value = DirectFunctionCall1(timestamptz_timestamp, value);
  if (clock.precision < 0) return value;
  return DirectFunctionCall2(local ? timestamp_scale : timestamptz_scale, value,
                             Int32GetDatum(clock.precision));
}

}  // namespace

StampClock make_clock(Oid type, int32 precision, Clock clock) {
  return {clock, type, precision, false, 0};
}

Clock clock_of_trigger(const Trigger& trigger) {
  return clock_by_name(trigger_option(trigger, "clock"));
}

StampClock make_clock(const TriggerData& data, int column) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(data.tg_relation), column - 1);
  if (attribute->atttypid != TIMESTAMPTZOID && attribute->atttypid != TIMESTAMPOID) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("trigger \"%s\" needs column \"%s\" of table \"%s\" to be a timestamptz "
                           "or timestamp",
                           data.tg_trigger->tgname, NameStr(attribute->attname),
                           RelationGetRelationName(data.tg_relation)),
                    errhint("Change the column's type back, or drop the trigger.")));
  }
  return make_clock(attribute->atttypid, attribute->atttypmod, clock_of_trigger(*data.tg_trigger));
}

Datum read_clock(StampClock& clock) {
  if (clock.known) return clock.value;
  const Datum value = in_type(clock, now_by(clock.clock));
  if (clock.clock != Clock::kWall) {
    clock.value = value;
    clock.known = true;
  }
  return value;
}

}  // namespace db_guard::columns
