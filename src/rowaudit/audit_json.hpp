// Images for people: jsonb objects and lists of columns.
#pragma once

#include "rowaudit/audit_image.hpp"

namespace db_guard::rowaudit {

// Plain server code. An object of those of the values that are known, by the names of the shape.
// What is written as text stays text: nobody's input function is run.
Datum json_of_values(const Shape* shape, const Value* values, const bool* only);
// name[] of the changed columns.
Datum changed_names(const Image& image);

}  // namespace db_guard::rowaudit
