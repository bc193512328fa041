#include "pg/call.hpp"
#include "wall.hpp"

extern "C" {
PG_MODULE_MAGIC;
}

namespace db_guard::wall {

int Witness::made = 0;
int Witness::gone = 0;

text* text_for(MemoryContext caller, const core::Text& value) {
  return pg::call([&] {
    const MemoryContext previous = MemoryContextSwitchTo(caller);
    text* copy = cstring_to_text_with_len(value.data(), static_cast<int>(value.size()));
    MemoryContextSwitchTo(previous);
    return copy;
  });
}

}  // namespace db_guard::wall
