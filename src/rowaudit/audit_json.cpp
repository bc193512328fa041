#include "rowaudit/audit_json.hpp"

#include <string_view>

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
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

// json can hold an escaped NUL, and jsonb cannot. What has one is shown as text, so that one value
// does not make the whole log unreadable.
bool holds_nul(Oid type, Datum value) {
  if (type != JSONOID && type != JSONARRAYOID) return false;
  const varlena* bytes = PG_DETOAST_DATUM_PACKED(value);
  const std::string_view content(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
  return content.find("\\u0000") != std::string_view::npos;
}

Datum text_of(Oid type, Datum value) {
  Oid output = InvalidOid;
  bool is_varlena = false;
  getTypeOutputInfo(type, &output, &is_varlena);
  return CStringGetTextDatum(OidOutputFunctionCall(output, value));
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
    Oid type = shown_type(column);
    nulls[i] = values[shown[i]].state == State::kNull;
    if (!nulls[i]) datums[i] = datum_of(column, bytes_of(values[shown[i]]));
    if (!nulls[i] && holds_nul(type, datums[i])) {
      datums[i] = text_of(type, datums[i]);
      type = TEXTOID;
    }
    TupleDescInitEntry(desc, AttrNumber(i + 1), column.name, type, -1, 0);
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
