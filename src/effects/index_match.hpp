// Whether a partition has the index already that CREATE INDEX on its parent would give it.
#pragma once

#include "effects/prediction.hpp"

namespace db_guard::effects {

// As CompareIndexInfo() says it, which does not look at the order within columns.
bool can_take_index(Oid index, Oid table, const IndexStmt* create);

}  // namespace db_guard::effects
