// updated_at as one more column in an UPDATE's SET list, so that no BEFORE trigger has to fire:
// such a trigger makes the executor lock each row before it changes it.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"
}

namespace db_guard::columns {

// All of this is plain server code.

// Adds the column to the query and its WITH queries where that does the same as the trigger: it is
// the only one that would fire before the update, and what the SET list computes may be computed
// twice.
void inject_stamps(Query* query);

// Keeps the trigger from firing where the plan sets the column.
void drop_injected_trigger(ModifyTableState* state);

}  // namespace db_guard::columns
