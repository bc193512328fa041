// The slice's own tables and sequences by number, found by name once and again after a change.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::rowaudit {

enum class OwnRelation { kClock, kNumber, kEvent, kTransaction, kTable, kShape, kCount };

// Plain server code, all of this.

// Raises where it is not there.
Oid own_relation(OwnRelation which);

// Who owns the extension's tables: what the log writes for everybody is done in that role's name.
Oid log_owner();

// Runs with the rights of the log's owner until leave_log_owner; an error ends it with the
// transaction.
struct SavedUser {
  Oid user;
  int security;
};
SavedUser enter_log_owner();
void leave_log_owner(const SavedUser& saved);

// Counts how often anything was invalidated that caches of this slice were made from.
void watch_relations();

}  // namespace db_guard::rowaudit
