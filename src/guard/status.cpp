// What db_guard.coverage asks about this session.
#include "guard/settings.hpp"
#include "guard/unseen_commands.hpp"
#include "pg/prelude.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(db_guard_is_judging);
PG_FUNCTION_INFO_V1(db_guard_is_preloaded);
}

// Whether statements are judged at all here: mode is not off.
Datum db_guard_is_judging(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(db_guard::guard::mode() != db_guard::guard::Mode::kOff);
}

// Whether the library was there before the session's first statement.
Datum db_guard_is_preloaded(PG_FUNCTION_ARGS) { PG_RETURN_BOOL(db_guard::guard::is_preloaded()); }
