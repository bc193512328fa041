// A search_path that nobody has chosen: names print qualified, and planted objects are not found.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace db_guard::pg {

// Plain server code, in pairs: search_path = pg_catalog, pg_temp until unpin_search_path. An error
// in between ends it with the transaction or subtransaction.
inline int pin_search_path() {
  const int nest_level = NewGUCNestLevel();
  (void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_SAVE, true, 0, false);
  return nest_level;
}

inline void unpin_search_path(int nest_level) { AtEOXact_GUC(false, nest_level); }

// Runs plain server code under the pinned path; it returns a plain value.
template <class Callable>
auto under_pinned_search_path(Callable&& callable) -> decltype(callable()) {
  const int nest_level = pin_search_path();
  const auto result = callable();
  unpin_search_path(nest_level);
  return result;
}

}  // namespace db_guard::pg
