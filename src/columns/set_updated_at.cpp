// The trigger function of updated_at. Hot: one call a row.
#include "columns/column_settings.hpp"
#include "columns/row_image.hpp"
#include "columns/stamp_clock.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(db_guard_set_updated_at);
}

namespace db_guard::columns {

namespace {

struct StampPlan {
  int column;
  bool idle;
  bool honours;
  StampClock clock;
};

StampPlan make_stamp_plan(const TriggerData& data) {
  const int column = column_of_trigger(data);
  const char* given = trigger_option(*data.tg_trigger, "explicit");
  return {column, is_duplicate(data), given != nullptr && strcmp(given, "honour") == 0,
          make_clock(data, column)};
}

// By the statement, or by a trigger that ran before.
bool is_given(const TriggerData& data, int column) {
  return is_in_set_list(data, column) ||
         !is_same_column(RelationGetDescr(data.tg_relation), data.tg_trigtuple, data.tg_newtuple,
                         column);
}

HeapTuple with_old_value(const TriggerData& data, int column) {
  const TupleDesc shape = RelationGetDescr(data.tg_relation);
  if (is_same_column(shape, data.tg_trigtuple, data.tg_newtuple, column)) return data.tg_newtuple;
  bool is_null = false;
  const Datum value = heap_getattr(data.tg_trigtuple, column, shape, &is_null);
  return with_value(data, column, value, is_null);
}

HeapTuple stamped_row(const TriggerData& data, StampPlan& plan) {
  if (plan.honours && is_given(data, plan.column)) return data.tg_newtuple;
  if (is_same_row(RelationGetDescr(data.tg_relation), data.tg_trigtuple, data.tg_newtuple,
                  plan.column)) {
    return with_old_value(data, plan.column);
  }
  return with_value(data, plan.column, read_clock(plan.clock), false);
}

}  // namespace

}  // namespace db_guard::columns

using namespace db_guard::columns;

Datum db_guard_set_updated_at(PG_FUNCTION_ARGS) {
  TriggerData& data = row_trigger_call(fcinfo, true);
  if (!TRIGGER_FIRED_BY_UPDATE(data.tg_event)) return PointerGetDatum(data.tg_trigtuple);
  auto& plan = statement_plan<StampPlan>(fcinfo, data, [&data] { return make_stamp_plan(data); });
  if (plan.idle || !column_settings().triggers) return PointerGetDatum(data.tg_newtuple);
  return PointerGetDatum(stamped_row(data, plan));
}
