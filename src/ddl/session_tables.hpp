// Which tables this session has made itself, and whether anybody else has used one since.
#pragma once

#include "ddl/facts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

// Plain server code: notes that this session has just made the relation.
void remember_created(Oid relation);

// Certain, not likely: made by this session, no other session holds or awaits a lock on it now, and
// either the cumulative statistics have not seen any use of it, or no other client backend of this
// database was active since it was made.
bool is_known_to_nobody_else(const Relation& relation);

}  // namespace db_guard::ddl
