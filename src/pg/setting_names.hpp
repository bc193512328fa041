// The server's settings, by name.
#pragma once

#include "core/memory.hpp"
#include "pg/call.hpp"

namespace db_guard::pg {

// All settings whose name starts with `prefix`.
core::Vector<core::Text> setting_names(std::string_view prefix);

}  // namespace db_guard::pg
