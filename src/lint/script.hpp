// A script as its parse trees.
#pragma once

#include "core/memory.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace db_guard::lint {

struct ScriptStatement {
  int number = 0;  // from 1
  int line = 0;    // from 1
  const char* text = nullptr;
  Node* tree = nullptr;           // null where there is none
  const char* problem = nullptr;  // then: why
};

// Statements that cannot be parsed come without a tree; the others are not disturbed by them.
core::Vector<ScriptStatement> parse_script(const char* sql);

}  // namespace db_guard::lint
