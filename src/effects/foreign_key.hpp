// What a new foreign key locks on the side that it refers to.
#pragma once

#include "effects/prediction.hpp"

namespace db_guard::effects {

// The table, its partitions, and the index that each of them proves the key unique with. `columns`
// are String nodes; NIL stands for the primary key.
void lock_for_foreign_key(Prediction& prediction, Oid referenced, const List* columns);
// The same for a key that is there already and is taken over by a partition.
void lock_for_known_key(Prediction& prediction, Oid referenced, Oid index);

}  // namespace db_guard::effects
