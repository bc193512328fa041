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
  bool psql_command = false;      // then: it is none of the server's
  // What the locations in the tree count from, and where the statement stands in it.
  const char* source = nullptr;
  int location = 0;
  int length = 0;  // 0: to the end
};

// The problem with its line in front. In the memory of the entry.
const char* located_problem(const ScriptStatement& statement);

// Statements that cannot be parsed come without a tree; the others are not disturbed by them.
core::Vector<ScriptStatement> parse_script(const char* sql);

}  // namespace db_guard::lint
