// The name of something in a statement.
#pragma once

#include "core/memory.hpp"

namespace db_guard::ddl {

using core::Text;
using core::Vector;

// As the statement has it; an empty schema means the search_path decides.
struct ObjectName {
  Text schema;
  Text name;
  bool operator==(const ObjectName& other) const {
    return schema == other.schema && name == other.name;
  }
};

}  // namespace db_guard::ddl
