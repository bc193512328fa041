#include "rowaudit/audit_json.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
}

namespace db_guard::rowaudit {

namespace {

// to_jsonb asks its call for the type of its argument.
Datum row_to_jsonb(Datum row) {
  FmgrInfo function;
  fmgr_info(F_TO_JSONB, &function);
  FuncExpr* call = makeFuncExpr(
      F_TO_JSONB, JSONBOID, list_make1(makeConst(RECORDOID, -1, InvalidOid, -1, row, false, false)),
      InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
  fmgr_info_set_expr(reinterpret_cast<Node*>(call), &function);
  return FunctionCall1(&function, row);
}

bool is_shown(const Value& value) {
  return value.state == State::kValue || value.state == State::kNull;
}

Oid shown_type(const Column& column) {
  return column.form == Form::kText || column.form == Form::kRedacted ? TEXTOID : column.type;
}

}  // namespace

Datum json_of_values(const Shape* shape, const Value* values, const bool* only) {
  int count = 0;
  auto* shown = static_cast<int*>(palloc(sizeof(int) * Size(Max(shape->columns, 1))));
  for (int i = 0; i < shape->columns; i++) {
    if (is_shown(values[i]) && (only == nullptr || only[i])) shown[count++] = i;
  }
  TupleDesc desc = CreateTemplateTupleDesc(count);
  auto* datums = static_cast<Datum*>(palloc0(sizeof(Datum) * Size(Max(count, 1))));
  auto* nulls = static_cast<bool*>(palloc0(Size(Max(count, 1))));
  for (int i = 0; i < count; i++) {
    const Column& column = shape->column[shown[i]];
    TupleDescInitEntry(desc, AttrNumber(i + 1), column.name, shown_type(column), -1, 0);
    nulls[i] = values[shown[i]].state == State::kNull;
    if (!nulls[i]) datums[i] = datum_of(column, values[shown[i]].bytes);
  }
  BlessTupleDesc(desc);
  return row_to_jsonb(heap_copy_tuple_as_datum(heap_form_tuple(desc, datums, nulls), desc));
}

Datum changed_names(const Image& image) {
  const Shape* shape = image.shape;
  auto* names = static_cast<Datum*>(palloc(sizeof(Datum) * Size(Max(shape->columns, 1))));
  int count = 0;
  for (int i = 0; i < shape->columns; i++) {
    if (!image.changed[i]) continue;
    names[count++] = DirectFunctionCall1(namein, CStringGetDatum(shape->column[i].name));
  }
  return PointerGetDatum(construct_array(names, count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

}  // namespace db_guard::rowaudit
