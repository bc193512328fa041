// Creating and dropping the column triggers of a table.
#pragma once

#include "columns/feature.hpp"
#include "core/memory.hpp"

namespace db_guard::columns {

using core::Text;
using core::Vector;

// `table` is an OID as text, as all of SQL's parameters here.
struct Wish {
  const Feature* feature;
  const char* table;
  const char* column;
  Vector<Text> options;  // beyond the defaults, "name=value"
};

// Whether anything had to be done. Errors as the SQL functions promise.
bool enable(const Wish& wish);
bool disable(const Feature& feature, const char* table, const char* column);

// Has TRUNCATE refused for the table and its partitions where they have soft delete, and nowhere
// else.
void guard_truncate(const char* table);

// Whether the trigger could be created; never an error where it could not.
bool fits(const Feature& feature, const char* table, const char* column);

// The table, or an error where it is none that can have column triggers, or is somebody else's.
struct Target {
  Text name;  // qualified and quoted
  Text schema;
  Text table;
  bool partitioned;
};
Target owned_target(const char* table);

// The statement that makes such a trigger.
Text create_statement(const Wish& wish, const Text& target, std::string_view trigger, bool replace);

}  // namespace db_guard::columns
