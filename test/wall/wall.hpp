// What the functions of the test module share.
#pragma once

#include "core/memory.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace db_guard::wall {

// Counts its own destructions: a longjmp over one leaves `gone` behind `made`.
class Witness {
 public:
  Witness() noexcept { made++; }
  ~Witness() { gone++; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  static int made;
  static int gone;
};

// Fails in the named way; returns for "nothing". Every way that C++ code in the wall can fail is
// listed in its body.
void fail(const char* way);

// A text for the caller of the SQL function: it outlives the entry's arena.
text* text_for(MemoryContext caller, const core::Text& value);

inline char* text_argument(FunctionCallInfo fcinfo, int number) {
  return text_to_cstring(DatumGetTextPP(fcinfo->args[number].value));
}

}  // namespace db_guard::wall
