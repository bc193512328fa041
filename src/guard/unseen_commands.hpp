// Commands that raise no event trigger: TRUNCATE, LOCK, VACUUM FULL, CLUSTER, roles, databases and
// the like. Where the library was preloaded, the utility hook brings them here.
#pragma once

#include "guard/frame.hpp"

namespace db_guard::guard {

// All of this is plain server code.

// Whether event triggers do not see the command, and it is one that db_guard judges or logs.
bool is_unseen(const Node* tree);

// Whether the command is refused in a transaction block.
bool runs_outside_blocks(const Node* tree);

// The library was there before the session's first statement.
void remember_how_loaded();
bool is_preloaded();

// Before it takes a lock. Raises DG001 to block.
void begin_unseen(Frame& frame, const Node* tree);
// After it has run.
void end_unseen(Frame& frame, const Node* tree);

}  // namespace db_guard::guard
