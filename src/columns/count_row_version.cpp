// The trigger function of row versions: refuses what was read before the last change, and counts.
#include "columns/column_settings.hpp"
#include "columns/row_image.hpp"
#include "columns/trigger_call.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(db_guard_count_row_version);
}

namespace db_guard::columns {

namespace {

struct VersionPlan {
  int column;
  bool idle;
  bool required;
  Oid type;
};

struct Version {
  int64 number;
  bool is_null;
};

VersionPlan make_version_plan(const TriggerData& data) {
  const int column = column_of_trigger(data);
  const char* required = trigger_option(*data.tg_trigger, "required");
  const Oid type = TupleDescAttr(RelationGetDescr(data.tg_relation), column - 1)->atttypid;
  if (type != INT8OID && type != INT4OID && type != INT2OID) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("trigger \"%s\" needs column \"%s\" of table \"%s\" to be an integer",
                           data.tg_trigger->tgname, data.tg_trigger->tgargs[0],
                           RelationGetRelationName(data.tg_relation)),
                    errhint("Change the column's type back, or drop the trigger.")));
  }
  return {column, is_duplicate(data), required != nullptr && strcmp(required, "on") == 0, type};
}

Version version_in(const TriggerData& data, HeapTuple row, const VersionPlan& plan) {
  Version version{0, false};
  const Datum value =
      heap_getattr(row, plan.column, RelationGetDescr(data.tg_relation), &version.is_null);
  if (version.is_null) return version;
  if (plan.type == INT8OID) version.number = DatumGetInt64(value);
  if (plan.type == INT4OID) version.number = DatumGetInt32(value);
  if (plan.type == INT2OID) version.number = DatumGetInt16(value);
  return version;
}

int64 highest(Oid type) {
  if (type == INT2OID) return PG_INT16_MAX;
  return type == INT4OID ? PG_INT32_MAX : PG_INT64_MAX;
}

Datum datum_of(Oid type, int64 number) {
  if (type == INT2OID) return Int16GetDatum(static_cast<int16>(number));
  return type == INT4OID ? Int32GetDatum(static_cast<int32>(number)) : Int64GetDatum(number);
}

int place_fields(const TriggerData& data) {
  err_generic_string(PG_DIAG_SCHEMA_NAME,
                     get_namespace_name(RelationGetNamespace(data.tg_relation)));
  err_generic_string(PG_DIAG_TABLE_NAME, RelationGetRelationName(data.tg_relation));
  return err_generic_string(PG_DIAG_COLUMN_NAME, data.tg_trigger->tgargs[0]);
}

[[noreturn]] void refuse_stale(const TriggerData& data, int64 given, int64 current) {
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("row of table \"%s\" was changed since it was read",
                         RelationGetRelationName(data.tg_relation)),
                  errdetail("The statement is about version %lld, the row is at version %lld.",
                            static_cast<long long>(given), static_cast<long long>(current)),
                  errhint("Read the row again, and try again."), place_fields(data)));
  pg_unreachable();
}

[[noreturn]] void refuse_missing(const TriggerData& data) {
  ereport(ERROR,
          (errcode(ERRCODE_NOT_NULL_VIOLATION),
           errmsg("UPDATE of table \"%s\" does not say which version it is about",
                  RelationGetRelationName(data.tg_relation)),
           errhint("Set column \"%s\" to the version that was read.", data.tg_trigger->tgargs[0]),
           place_fields(data)));
  pg_unreachable();
}

[[noreturn]] void refuse_overflow(const TriggerData& data, int64 number) {
  ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                  errmsg("version %lld of a row of table \"%s\" is the last that column \"%s\" can "
                         "hold",
                         static_cast<long long>(number), RelationGetRelationName(data.tg_relation),
                         data.tg_trigger->tgargs[0]),
                  errhint("Make the column a bigint."), place_fields(data)));
  pg_unreachable();
}

// What the statement states must be what it read, or the next one. Versions only grow, so the next
// one cannot be a stale one.
void check_stated(const TriggerData& data, const VersionPlan& plan, Version old, Version given) {
  const bool stated = is_in_set_list(data, plan.column);
  if ((plan.required && !stated) || (given.is_null && !old.is_null)) refuse_missing(data);
  if (given.is_null || old.is_null || given.number == old.number) return;
  if (old.number < highest(plan.type) && given.number == old.number + 1) return;
  refuse_stale(data, given.number, old.number);
}

HeapTuple counted_row(const TriggerData& data, const VersionPlan& plan) {
  const TupleDesc shape = RelationGetDescr(data.tg_relation);
  const Version old = version_in(data, data.tg_trigtuple, plan);
  const Version given = version_in(data, data.tg_newtuple, plan);
  check_stated(data, plan, old, given);
  const bool same = old.is_null == given.is_null && old.number == given.number;
  if (!same) return data.tg_newtuple;
  if (is_same_row(shape, data.tg_trigtuple, data.tg_newtuple, plan.column)) {
    return data.tg_newtuple;
  }
  if (!old.is_null && old.number >= highest(plan.type)) refuse_overflow(data, old.number);
  return with_value(data, plan.column, datum_of(plan.type, old.number + 1), false);
}

}  // namespace

}  // namespace db_guard::columns

using namespace db_guard::columns;

Datum db_guard_count_row_version(PG_FUNCTION_ARGS) {
  TriggerData& data = row_trigger_call(fcinfo, true);
  if (!TRIGGER_FIRED_BY_UPDATE(data.tg_event)) return PointerGetDatum(data.tg_trigtuple);
  const auto& plan =
      statement_plan<VersionPlan>(fcinfo, data, [&data] { return make_version_plan(data); });
  if (plan.idle || !column_settings().triggers) return PointerGetDatum(data.tg_newtuple);
  return PointerGetDatum(counted_row(data, plan));
}
