// Operators in SQL that nobody's search_path decides on.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::pg {

// Plain server code. OPERATOR(schema.=), in palloc'd memory; null where there is none of that OID.
const char* operator_name(Oid id);

// The equality of the type's default order, which every column of a primary key has.
const char* equality_name(Oid type);

}  // namespace db_guard::pg
