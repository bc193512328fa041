// Comments in a script that let a finding pass:
//   -- db_guard: allow drop-column, rename-table because no code has used them since release 41
#pragma once

#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

struct Suppression {
  int first_line = 0;  // of the comment, from 1
  int last_line = 0;
  Vector<Text> rules;  // "all" among them means every rule; empty where the comment is malformed
  Text reason;         // empty: it does not count
};

// In the order of the script. A comment is one of ours when it begins with "db_guard:"; texts in
// quotes, and bodies between dollars, are not looked into.
Vector<Suppression> find_suppressions(std::string_view script);

}  // namespace db_guard::core
