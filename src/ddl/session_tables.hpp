// Which tables this session has made itself, and whether anybody else has used one since.
#pragma once

#include "ddl/facts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

// Plain server code: notes that this session has just made the relation.
void remember_created(Oid relation);

// Plain server code, and quick. Made by this session, no other session holds or awaits a lock on it
// now, and either no other client has been connected to this database since it was made, or the
// cumulative statistics have seen no use of it (they may be a minute behind).
bool is_known_to_nobody_else(Oid relation);
bool is_known_to_nobody_else(const Relation& relation);

// All that the statement is about are such tables: nobody can be hurt. Costs a fraction of judging
// the statement. A name that may not be resolved raises the error that the server would raise.
bool concerns_nobody_else(const Statement& statement);

}  // namespace db_guard::ddl
