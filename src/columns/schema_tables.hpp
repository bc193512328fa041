// Whole schemas: their tables of today, and those to come.
#pragma once

#include "columns/install.hpp"

namespace db_guard::columns {

// Null where there is none of that name.
const Feature* feature_by_name(std::string_view name);

// Enables the feature where the table has such a column and it is the caller's; says in a word what
// was done.
const char* enable_where_it_fits(const Feature& feature, const char* table, const char* column);

}  // namespace db_guard::columns
