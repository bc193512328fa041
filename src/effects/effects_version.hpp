// What differs between server versions 15 to 18 in what commands lock.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace db_guard::effects {

using Walker = bool (*)(Node*, void*);

// Until 15 the server's tree walkers declared their callback without arguments.
#if PG_VERSION_NUM >= 160000
inline Walker as_walker(Walker walker) { return walker; }
#else
inline bool (*as_walker(Walker walker))() {
  return reinterpret_cast<bool (*)()>(reinterpret_cast<void*>(walker));
}
#endif

// Since 16 the planner looks at the unique indexes of partitioned tables, too.
inline bool plans_with_indexes_of_partitioned_tables() { return PG_VERSION_NUM >= 160000; }

// Since 18 VACUUM and ANALYZE take the children of every parent along, unless ONLY is said.
inline bool upkeep_follows_inheritance() { return PG_VERSION_NUM >= 180000; }

// Since 18 GRANT and REVOKE lock the relations that they name.
inline bool grant_locks_relations() { return PG_VERSION_NUM >= 180000; }

}  // namespace db_guard::effects
