// The trigger functions of soft delete. A DELETE is one to everybody who looks on (its count,
// RETURNING, foreign keys, other triggers); then the row comes back with its mark.
#include "columns/column_settings.hpp"
#include "columns/living_references.hpp"
#include "columns/reinsertion.hpp"
#include "columns/stamp_clock.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(db_guard_keep_deleted_row);
PG_FUNCTION_INFO_V1(db_guard_refuse_truncate);
}

namespace db_guard::columns {

namespace {

struct KeepPlan {
  int column;
  bool idle;
  StampClock clock;
  Reinsertion statement;
};

KeepPlan make_keep_plan(const TriggerData& data, MemoryContext memory) {
  const int column = column_of_trigger(data);
  return {column, is_duplicate(data), make_clock(data, column),
          make_reinsertion(data.tg_relation, memory)};
}

// An UPDATE has moved the row to another partition: it has come back already.
bool has_moved(const TriggerData& data) {
  return HeapTupleHeaderIndicatesMovedPartitions(data.tg_trigtuple->t_data);
}

// A row that was deleted before keeps its mark.
Datum mark_of(const TriggerData& data, KeepPlan& plan) {
  bool is_null = false;
  const Datum mark =
      heap_getattr(data.tg_trigtuple, plan.column, RelationGetDescr(data.tg_relation), &is_null);
  return is_null ? read_clock(plan.clock) : mark;
}

void keep(const TriggerData& data, KeepPlan& plan) {
  reinsert(data, plan.statement, plan.column, mark_of(data, plan));
  check_living_references(data);
}

void refuse_truncate(const TriggerData& data) {
  const char* table = RelationGetRelationName(data.tg_relation);
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("TRUNCATE would really delete the rows of table \"%s\"", table),
           errdetail("Soft delete is enabled for the table, and TRUNCATE leaves no rows to mark."),
           errhint("Use DELETE, or SET LOCAL db_guard.hard_delete = on and TRUNCATE in that "
                   "transaction."),
           err_generic_string(PG_DIAG_TABLE_NAME, table)));
}

}  // namespace

}  // namespace db_guard::columns

using namespace db_guard::columns;

Datum db_guard_keep_deleted_row(PG_FUNCTION_ARGS) {
  const TriggerData& data = row_trigger_call(fcinfo, false);
  if (!TRIGGER_FIRED_BY_DELETE(data.tg_event) || column_settings().hard_delete || has_moved(data)) {
    return PointerGetDatum(nullptr);
  }
  auto& plan = statement_plan<KeepPlan>(
      fcinfo, data, [&] { return make_keep_plan(data, fcinfo->flinfo->fn_mcxt); });
  if (!plan.idle) keep(data, plan);
  return PointerGetDatum(nullptr);
}

Datum db_guard_refuse_truncate(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("this function can only be called by a trigger"),
                    errhint("db_guard.enable_soft_delete makes such triggers.")));
  }
  const auto& data = *reinterpret_cast<TriggerData*>(fcinfo->context);
  // A partition that was detached where our event triggers do not fire has this trigger only.
  if (TRIGGER_FIRED_BY_TRUNCATE(data.tg_event) && !column_settings().hard_delete &&
      soft_delete_column(data.tg_relation) != nullptr) {
    refuse_truncate(data);
  }
  return PointerGetDatum(nullptr);
}
