#include "columns/trigger_call.hpp"

extern "C" {
#include "access/sysattr.h"
#include "nodes/bitmapset.h"
}

namespace db_guard::columns {

namespace {

[[noreturn]] void refuse_call(const char* what) {
  ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("%s", what),
                  errhint("db_guard.enable_updated_at, enable_row_version, enable_created_by and "
                          "enable_soft_delete make such triggers.")));
  pg_unreachable();
}

[[noreturn]] void refuse_column(const TriggerData& data, const char* column) {
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_COLUMN),
           errmsg("trigger \"%s\" is for column \"%s\", which table \"%s\" does not have",
                  data.tg_trigger->tgname, column, RelationGetRelationName(data.tg_relation)),
           errhint("The column was renamed or dropped while the event triggers of db_guard were "
                   "disabled. DROP TRIGGER \"%s\", and enable it for the column's new name.",
                   data.tg_trigger->tgname)));
  pg_unreachable();
}

int find_column(TupleDesc shape, const char* name) {
  for (int i = 0; i < shape->natts; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(shape, i);
    if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0) return i + 1;
  }
  return 0;
}

bool is_same_work(const Trigger& one, const Trigger& other) {
  return one.tgfoid == other.tgfoid && one.tgenabled == other.tgenabled && one.tgnargs > 0 &&
         other.tgnargs > 0 && strcmp(one.tgargs[0], other.tgargs[0]) == 0;
}

}  // namespace

TriggerData& row_trigger_call(FunctionCallInfo fcinfo, bool before) {
  if (!CALLED_AS_TRIGGER(fcinfo)) refuse_call("this function can only be called by a trigger");
  auto& data = *reinterpret_cast<TriggerData*>(fcinfo->context);
  if (!TRIGGER_FIRED_FOR_ROW(data.tg_event) || TRIGGER_FIRED_BEFORE(data.tg_event) != before) {
    refuse_call(before ? "this function is for BEFORE triggers FOR EACH ROW"
                       : "this function is for AFTER triggers FOR EACH ROW");
  }
  if (data.tg_trigger->tgnargs < 1) refuse_call("the trigger does not name a column");
  return data;
}

int column_of_trigger(const TriggerData& data) {
  const char* name = data.tg_trigger->tgargs[0];
  const int column = find_column(RelationGetDescr(data.tg_relation), name);
  if (column == 0) refuse_column(data, name);
  return column;
}

const char* trigger_option(const Trigger& trigger, const char* name) {
  const Size length = strlen(name);
  for (int i = 1; i < trigger.tgnargs; i++) {
    const char* argument = trigger.tgargs[i];
    if (strncmp(argument, name, length) == 0 && argument[length] == '=') {
      return argument + length + 1;
    }
  }
  return nullptr;
}

bool is_duplicate(const TriggerData& data) {
  const TriggerDesc* all = data.tg_relation->trigdesc;
  if (all == nullptr) return false;
  for (int i = 0; i < all->numtriggers; i++) {
    const Trigger& other = all->triggers[i];
    if (other.tgoid == data.tg_trigger->tgoid) return false;
    if (is_same_work(other, *data.tg_trigger)) return true;
  }
  return false;
}

bool is_in_set_list(const TriggerData& data, int column) {
  return bms_is_member(column - FirstLowInvalidHeapAttributeNumber, data.tg_updatedcols);
}

}  // namespace db_guard::columns
