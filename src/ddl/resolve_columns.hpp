// Columns of a table in a raw expression, resolved from the catalog: opening the table for a parse
// namespace would need a lock on it.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "parser/parse_node.h"
}

namespace db_guard::ddl {

// Plain server code. The table must outlive the state.
ParseState* parse_state_of(const Oid* table);

}  // namespace db_guard::ddl
