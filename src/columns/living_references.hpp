// Whether rows that are not deleted refer to one that is about to be.
#pragma once

#include "columns/trigger_call.hpp"

namespace db_guard::columns {

// Plain server code. For foreign keys ON DELETE NO ACTION:
// their own check finds the key still there, for the row comes back. Raises 23503 where a living
// row refers to it; rows of a table with soft delete that are deleted themselves do not count.
void check_living_references(const TriggerData& data);

// The name of the column that soft delete marks in this table; null where it is not enabled.
const char* soft_delete_column(Relation table);

}  // namespace db_guard::columns
