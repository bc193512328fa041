// The SQL inside a body in PL/pgSQL, as far as its text tells.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

struct EmbeddedStatement {
  Text sql;                // empty: EXECUTE of something that only the run will know
  std::size_t offset = 0;  // where it stands in the body
  std::size_t length = 0;
  bool executed = false;  // sql is the text of an EXECUTE, not part of the body itself
};

// DDL, UPDATE and DELETE that stand in the body as such, and what EXECUTE runs, in order. Whether a
// branch is ever reached is not asked. Names in them may be variables of the body.
Vector<EmbeddedStatement> find_embedded(std::string_view body);

}  // namespace db_guard::core
