// Columns that a known trigger sets whenever an UPDATE changes another one.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "nodes/bitmapset.h"
#include "utils/relcache.h"
}

namespace db_guard::pg {

// By attribute number.
struct MaintainedColumns {
  Bitmapset* all;
  Bitmapset* versions;  // those of them that an UPDATE may have to state
};

// Plain server code. Of db_guard's own triggers for updated_at and row versions and of moddatetime,
// as far as they would fire in this session.
MaintainedColumns maintained_columns(::Relation table);

}  // namespace db_guard::pg
