// What the trigger functions share: how they may be called, and the arguments that the installers
// give.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "commands/trigger.h"
#include "utils/rel.h"
}

namespace db_guard::columns {

// All of this is plain server code.

// The call's data; an error unless it is a call by such a trigger. Events as in tg_event without
// TRIGGER_EVENT_OPMASK, which the functions check where they need it.
TriggerData& row_trigger_call(FunctionCallInfo fcinfo, bool before);

// The column that the first argument names; an error where the table has none of that name.
int column_of_trigger(const TriggerData& data);

// The value of an argument "name=value" behind the first; null where there is none.
const char* trigger_option(const Trigger& trigger, const char* name);

// Whether an earlier trigger of this table calls the same function for the same column: a partition
// that had a trigger of its own before it got that of its parent. One of them must do nothing.
bool is_duplicate(const TriggerData& data);

// Whether the UPDATE's SET list names the column.
bool is_in_set_list(const TriggerData& data, int column);

// What one trigger does in one statement, looked up at its first row. The executor keeps an
// FmgrInfo for each trigger and statement, so nothing that changes the table can come between.
// `Plan` is plain data.
template <class Plan, class Maker>
Plan& statement_plan(FunctionCallInfo fcinfo, const TriggerData& data, Maker&& make) {
  struct Kept {
    Oid trigger;
    Plan plan;
  };
  auto* kept = static_cast<Kept*>(fcinfo->flinfo->fn_extra);
  if (kept != nullptr && kept->trigger == data.tg_trigger->tgoid) return kept->plan;
  kept = static_cast<Kept*>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Kept)));
  kept->plan = make();
  kept->trigger = data.tg_trigger->tgoid;
  fcinfo->flinfo->fn_extra = kept;
  return kept->plan;
}

}  // namespace db_guard::columns
