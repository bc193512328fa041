// C++ code that would never end by itself.
#include "pg/call.hpp"
#include "pg/entry.hpp"
#include "pg/subtransaction.hpp"
#include "pg/time_limit.hpp"
#include "wall.hpp"

extern "C" {
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(db_guard_wall_spin);
PG_FUNCTION_INFO_V1(db_guard_wall_wait);
PG_FUNCTION_INFO_V1(db_guard_wall_limited);
}

namespace db_guard::wall {

namespace {

// Works until its own limit, or not at all.
core::Text work_limited(int milliseconds, bool busy) {
  const Witness witness;
  core::Text outcome = "no error";
  try {
    pg::rolled_back([&] {
      const pg::TimeLimit limit(milliseconds);
      while (busy) pg::check_for_interrupts();
    });
  } catch (const pg::PgError& error) {
    outcome = unpack_sql_state(error.sqlstate());
    if (pg::TimeLimit::expired()) outcome += ", expired";
  }
  return outcome;
}

}  // namespace

}  // namespace db_guard::wall

using namespace db_guard;

// Takes the advisory lock, so that others can see that the loop has been reached.
Datum db_guard_wall_spin(PG_FUNCTION_ARGS) {
  const Datum lock = PG_GETARG_DATUM(0);
  pg::enter([&] {
    const wall::Witness witness;
    pg::call([&] { DirectFunctionCall1(pg_advisory_xact_lock_int8, lock); });
    for (;;) pg::check_for_interrupts();
  });
  PG_RETURN_VOID();
}

// Blocks inside a call, on a lock that somebody else holds.
Datum db_guard_wall_wait(PG_FUNCTION_ARGS) {
  const Datum lock = PG_GETARG_DATUM(0);
  pg::enter([&] {
    const wall::Witness witness;
    pg::call([&] { DirectFunctionCall1(pg_advisory_xact_lock_int8, lock); });
  });
  PG_RETURN_VOID();
}

Datum db_guard_wall_limited(PG_FUNCTION_ARGS) {
  const MemoryContext caller = CurrentMemoryContext;
  const int milliseconds = PG_GETARG_INT32(0);
  const bool busy = PG_GETARG_BOOL(1);
  PG_RETURN_TEXT_P(
      pg::enter([&] { return wall::text_for(caller, wall::work_limited(milliseconds, busy)); }));
}
