// The user's SET and WHERE: nothing else may hide in them.
#pragma once

#include <string_view>

#include "core/memory.hpp"

namespace db_guard::batch {

// Throws core::Error unless the text is what may stand between SET and WHERE of an UPDATE.
void check_set_clause(std::string_view clause);

// Throws core::Error unless the text is one expression.
void check_where_clause(std::string_view clause);

}  // namespace db_guard::batch
