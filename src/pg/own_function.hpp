// Which functions are the extension's own.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::pg {

// Plain server code. Whether it is db_guard's of that name.
bool is_own_function(Oid function, const char* name);

}  // namespace db_guard::pg
