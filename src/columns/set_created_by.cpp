// The trigger function of created_by: who made the row, for good.
#include "columns/column_settings.hpp"
#include "columns/row_image.hpp"
#include "columns/trigger_call.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(db_guard_set_created_by);
}

namespace db_guard::columns {

namespace {

struct CreatorPlan {
  int column;
  bool idle;
  bool overrides;
  Oid type;
};

CreatorPlan make_creator_plan(const TriggerData& data) {
  const int column = column_of_trigger(data);
  const char* given = trigger_option(*data.tg_trigger, "explicit");
  const Oid type = TupleDescAttr(RelationGetDescr(data.tg_relation), column - 1)->atttypid;
  if (type != TEXTOID && type != NAMEOID && type != VARCHAROID) {
    ereport(ERROR,
            (errcode(ERRCODE_DATATYPE_MISMATCH),
             errmsg("trigger \"%s\" needs column \"%s\" of table \"%s\" to be a text, varchar or "
                    "name",
                    data.tg_trigger->tgname, data.tg_trigger->tgargs[0],
                    RelationGetRelationName(data.tg_relation)),
             errhint("Change the column's type back, or drop the trigger.")));
  }
  return {column, is_duplicate(data), given != nullptr && strcmp(given, "override") == 0, type};
}

// The role that logged in or was chosen by SET ROLE: inside a SECURITY DEFINER function its owner
// is in force, who has not made the row.
Datum creator(const CreatorPlan& plan, Form_pg_attribute attribute) {
  const char* role = GetUserNameFromId(GetOuterUserId(), false);
  if (plan.type == NAMEOID) {
    return DirectFunctionCall1(namein, CStringGetDatum(role));
  }
  // A varchar(n) that is too short cuts, as the column's own input would not: it is not the
  // client's doing.
  const int limit = plan.type == VARCHAROID && attribute->atttypmod >= 0
                        ? static_cast<int>(attribute->atttypmod - VARHDRSZ)
                        : -1;
  const Datum text = CStringGetTextDatum(role);
  if (limit < 0) return text;
  return DirectFunctionCall3(text_substr, text, Int32GetDatum(1), Int32GetDatum(limit));
}

HeapTuple with_creator(const TriggerData& data, const CreatorPlan& plan) {
  const TupleDesc shape = RelationGetDescr(data.tg_relation);
  if (!plan.overrides && !heap_attisnull(data.tg_trigtuple, plan.column, shape)) {
    return data.tg_trigtuple;
  }
  int column = plan.column;
  bool is_null = false;
  Datum value = creator(plan, TupleDescAttr(shape, column - 1));
  return heap_modify_tuple_by_cols(data.tg_trigtuple, shape, 1, &column, &value, &is_null);
}

// A row that is older than the column may get its creator later. A foreign key that follows a
// renamed user is not the client's doing.
bool may_change(const TriggerData& data, const CreatorPlan& plan) {
  const TupleDesc shape = RelationGetDescr(data.tg_relation);
  return heap_attisnull(data.tg_trigtuple, plan.column, shape) || InNoForceRLSOperation() ||
         is_same_column(shape, data.tg_trigtuple, data.tg_newtuple, plan.column);
}

void refuse_change(const TriggerData& data) {
  const char* table = RelationGetRelationName(data.tg_relation);
  const char* column = data.tg_trigger->tgargs[0];
  ereport(ERROR,
          (errcode(ERRCODE_GENERATED_ALWAYS),
           errmsg("column \"%s\" of table \"%s\" says who created the row and cannot be changed",
                  column, table),
           errhint("Leave it out of the SET list. Who may set db_guard.column_triggers can switch "
                   "this off for a transaction."),
           err_generic_string(PG_DIAG_TABLE_NAME, table),
           err_generic_string(PG_DIAG_COLUMN_NAME, column)));
}

}  // namespace

}  // namespace db_guard::columns

using namespace db_guard::columns;

Datum db_guard_set_created_by(PG_FUNCTION_ARGS) {
  TriggerData& data = row_trigger_call(fcinfo, true);
  const bool update = TRIGGER_FIRED_BY_UPDATE(data.tg_event);
  HeapTuple row = update ? data.tg_newtuple : data.tg_trigtuple;
  if (!update && !TRIGGER_FIRED_BY_INSERT(data.tg_event)) return PointerGetDatum(row);
  const auto& plan =
      statement_plan<CreatorPlan>(fcinfo, data, [&data] { return make_creator_plan(data); });
  if (plan.idle || !column_settings().triggers) return PointerGetDatum(row);
  if (!update) return PointerGetDatum(with_creator(data, plan));
  if (!may_change(data, plan)) refuse_change(data);
  return PointerGetDatum(row);
}
