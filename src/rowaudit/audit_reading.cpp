#include "rowaudit/audit_reading.hpp"

#include "pg/server_version.hpp"

extern "C" {
#include "access/detoast.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace db_guard::rowaudit {

namespace {

// Which column of the log an attribute is; null where none is.
const Column* column_of(const Shape* shape, AttrNumber attnum) {
  for (int i = 0; i < shape->columns; i++) {
    if (shape->column[i].attnum == attnum) return &shape->column[i];
  }
  return nullptr;
}

void fill_conversion(Conversion& conversion, Form_pg_attribute attribute, const Shape* shape) {
  const Column* column = attribute->attisdropped ? nullptr : column_of(shape, attribute->attnum);
  if (column == nullptr || column->form == Form::kRedacted) return;
  conversion.column_id = column->id;
  conversion.typmod = attribute->atttypmod;
  Oid function = InvalidOid;
  // Below a domain: its rules may be younger than the value.
  const Oid base = getBaseTypeAndTypmod(attribute->atttypid, &conversion.typmod);
  getTypeInputInfo(base, &function, &conversion.io_parameter);
  fmgr_info(function, &conversion.input);
}

struct RowReceiver {
  DestReceiver receiver;
  RowVisit visit;
  void* state;
  MemoryContext scratch;
  EventColumns columns;
};

bool take_row(TupleTableSlot* row, DestReceiver* receiver) {
  CHECK_FOR_INTERRUPTS();
  const auto& visitor = *reinterpret_cast<RowReceiver*>(receiver);
  const MemoryContext outside = MemoryContextSwitchTo(visitor.scratch);
  visitor.visit(visitor.state, visitor.columns, row);
  MemoryContextSwitchTo(outside);
  MemoryContextReset(visitor.scratch);
  return true;
}

void start_reading(DestReceiver* receiver, int /*operation*/, TupleDesc shape) {
  auto& visitor = *reinterpret_cast<RowReceiver*>(receiver);
  visitor.columns = {SPI_fnumber(shape, "audit_id"), SPI_fnumber(shape, "op"),
                     SPI_fnumber(shape, "payload")};
}
void stop_reading(DestReceiver* /*receiver*/) {}

ParamListInfo parameters_of(const Arguments& arguments) {
  ParamListInfo list = makeParamList(arguments.count);
  for (int i = 0; i < arguments.count; i++) {
    const bool is_null = arguments.nulls != nullptr && arguments.nulls[i] == 'n';
    list->params[i] = {arguments.values[i], is_null, PARAM_FLAG_CONST, arguments.types[i]};
  }
  return list;
}

}  // namespace

void check_may_read(::Relation relation) {
  if (relation != nullptr && pg::owns_relation(RelationGetRelid(relation))) return;
  const Oid view = get_relname_relid("audit_log", get_namespace_oid("db_guard", false));
  if (pg_class_aclcheck(view, GetUserId(), ACL_SELECT) == ACLCHECK_OK) return;
  ereport(ERROR,
          (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for the audit log"),
           relation != nullptr
               ? errdetail("Only the owner of \"%s\" and roles that may read db_guard.audit_log "
                           "can read its history.",
                           RelationGetRelationName(relation))
               : errdetail("It holds rows of all audited tables."),
           errhint("GRANT SELECT ON db_guard.audit_log TO %s lets the role read all of it.",
                   quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

Conversion* conversions_to(::Relation relation, const Shape* shape) {
  TupleDesc desc = RelationGetDescr(relation);
  auto* conversions =
      static_cast<Conversion*>(palloc0(sizeof(Conversion) * Size(Max(desc->natts, 1))));
  for (int i = 0; i < desc->natts; i++) {
    fill_conversion(conversions[i], TupleDescAttr(desc, i), shape);
  }
  return conversions;
}

AsOwner enter_table_owner(::Relation relation) {
  AsOwner state{};
  GetUserIdAndSecContext(&state.saved.user, &state.saved.security);
  SetUserIdAndSecContext(relation->rd_rel->relowner,
                         state.saved.security | SECURITY_RESTRICTED_OPERATION);
  state.nest_level = pin_text_settings();
  return state;
}

void leave_table_owner(const AsOwner& state) {
  unpin_text_settings(state.nest_level);
  leave_log_owner(state.saved);
}

Datum convert_value(const Conversion& conversion, const Column* column, const Value& value,
                    bool* is_null) {
  *is_null = conversion.column_id == 0 || column == nullptr || value.state != State::kValue;
  if (*is_null) return Datum(0);
  const bool same = column->form != Form::kText && column->type == conversion.io_parameter;
  if (same) return datum_of(*column, bytes_of(value));
  return InputFunctionCall(const_cast<FmgrInfo*>(&conversion.input),
                           text_of(*column, bytes_of(value)), conversion.io_parameter,
                           conversion.typmod);
}

Image image_of_row(TupleTableSlot* row, const EventColumns& columns, int64* audit_id) {
  bool is_null = false;
  *audit_id = DatumGetInt64(slot_getattr(row, columns.audit_id, &is_null));
  const char op = DatumGetChar(slot_getattr(row, columns.op, &is_null));
  bytea* payload = DatumGetByteaPP(slot_getattr(row, columns.payload, &is_null));
  return read_image(Op(op), reinterpret_cast<unsigned char*>(VARDATA_ANY(payload)),
                    VARSIZE_ANY_EXHDR(payload));
}

void visit_rows_of(const char* sql, const Arguments& arguments, RowVisit visit, void* state) {
  SPIPlanPtr plan = SPI_prepare_cursor(sql, arguments.count, const_cast<Oid*>(arguments.types), 0);
  if (plan == nullptr) elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(SPI_result));
  RowReceiver visitor{
      {take_row, start_reading, stop_reading, stop_reading, DestTuplestore},
      visit,
      state,
      AllocSetContextCreate(CurrentMemoryContext, "db_guard row", ALLOCSET_DEFAULT_SIZES),
      {}};
  SPIExecuteOptions options{};
  options.params = parameters_of(arguments);
  options.read_only = true;
  options.dest = &visitor.receiver;
  const int code = SPI_execute_plan_extended(plan, &options);
  if (code < 0) elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(code));
  SPI_freeplan(plan);
  MemoryContextDelete(visitor.scratch);
}

}  // namespace db_guard::rowaudit
