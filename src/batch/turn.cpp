#include "batch/turn.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(db_guard_turn_of_key);
}

namespace db_guard::batch {

namespace {

struct Column {
  Oid type;
  std::int16_t length;
  bool by_value;
};

// What the call site passes is the same for every row.
const Column* columns_of_call(FunctionCallInfo fcinfo) {
  FmgrInfo* function = fcinfo->flinfo;
  if (function->fn_extra != nullptr) return static_cast<const Column*>(function->fn_extra);
  if (get_fn_expr_variadic(function)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the columns of a key are given one by one, not as an array")));
  }
  auto* columns = static_cast<Column*>(
      MemoryContextAllocZero(function->fn_mcxt, sizeof(Column) * std::size_t(PG_NARGS())));
  for (int i = 1; i < PG_NARGS(); i++) {
    Column& column = columns[i];
    column.type = get_fn_expr_argtype(function, i);
    if (!OidIsValid(column.type)) elog(ERROR, "the type of a key column is not known");
    get_typlenbyval(column.type, &column.length, &column.by_value);
  }
  function->fn_extra = columns;
  return columns;
}

}  // namespace

std::uint64_t number_of_value(Oid type, std::int16_t length, bool by_value, Datum value) {
  switch (type) {
    case INT2OID:
      return std::uint64_t(DatumGetInt16(value));
    case INT4OID:
      return std::uint64_t(DatumGetInt32(value));
    case INT8OID:
      return std::uint64_t(DatumGetInt64(value));
    default:
      break;
  }
  if (by_value) return std::uint64_t(value);
  const Size size = datumGetSize(value, by_value, length);
  return hash_bytes_extended(reinterpret_cast<const unsigned char*>(DatumGetPointer(value)),
                             int(size), 0);
}

}  // namespace db_guard::batch

Datum db_guard_turn_of_key(PG_FUNCTION_ARGS) {
  using namespace db_guard::batch;
  const int turns = PG_GETARG_INT32(0);
  if (turns < 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("turns must be positive")));
  }
  const Column* columns = columns_of_call(fcinfo);
  std::uint64_t number = 0;
  for (int i = 1; i < PG_NARGS(); i++) {
    const Column& column = columns[i];
    Datum value = PG_GETARG_DATUM(i);
    if (column.length == -1) value = PointerGetDatum(PG_DETOAST_DATUM(value));
    number += number_of_value(column.type, column.length, column.by_value, value);
  }
  PG_RETURN_INT32(turn_of(number, turns));
}
