// What is done about a statement before it runs: updated_at as part of an UPDATE, and rows that
// come back.
#pragma once

namespace db_guard::columns {

// Chains the hooks of planner and ExecutorStart.
void install_plan_hooks();

}  // namespace db_guard::columns
