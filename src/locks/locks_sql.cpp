// Named locks as SQL functions.
#include "locks/lock_names.hpp"
#include "locks/named_lock.hpp"
#include "pg/entry.hpp"

extern "C" {
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(db_guard_lock_key);
PG_FUNCTION_INFO_V1(db_guard_lock);
PG_FUNCTION_INFO_V1(db_guard_try_lock);
PG_FUNCTION_INFO_V1(db_guard_session_lock);
PG_FUNCTION_INFO_V1(db_guard_try_session_lock);
PG_FUNCTION_INFO_V1(db_guard_session_unlock);
}

namespace db_guard::locks {

namespace {

constexpr double kNotAtAll = -1;

// NULL waits for ever; so does nothing else.
double timeout_argument(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return 0;
  const Interval* interval = PG_GETARG_INTERVAL_P(number);
  const double milliseconds =
      (interval->month * 30.0 + interval->day) * 86400000.0 + double(interval->time) / 1000.0;
  if (milliseconds < 0 || milliseconds > INT_MAX) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("timeout is out of range"),
                    errhint("Leave it out, or NULL, to wait for as long as it takes.")));
  }
  return milliseconds == 0 ? kNotAtAll : milliseconds;
}

void take_or_refuse(const Wish& wish) {
  if (take_lock(wish)) return;
  ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                  errmsg("lock \"%.*s\" is held by another session", wish.length, wish.name),
                  errhint("db_guard.held_locks shows by which.")));
}

}  // namespace

}  // namespace db_guard::locks

using namespace db_guard;
using locks::Scope;

Datum db_guard_lock_key(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const locks::Wish wish = locks::wish_of(PG_GETARG_DATUM(0), false, Scope::kSession, 0);
  PG_RETURN_INT64(locks::find_lock_name(wish.name, wish.length).key);
}

Datum db_guard_lock(PG_FUNCTION_ARGS) {
  const double timeout = locks::timeout_argument(fcinfo, 1);
  locks::take_or_refuse(
      locks::wish_of(fcinfo->args[0].value, PG_ARGISNULL(0), Scope::kTransaction, timeout));
  PG_RETURN_VOID();
}

Datum db_guard_try_lock(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(locks::take_lock(locks::wish_of(fcinfo->args[0].value, PG_ARGISNULL(0),
                                                 Scope::kTransaction, locks::kNotAtAll)));
}

Datum db_guard_session_lock(PG_FUNCTION_ARGS) {
  const double timeout = locks::timeout_argument(fcinfo, 1);
  locks::take_or_refuse(
      locks::wish_of(fcinfo->args[0].value, PG_ARGISNULL(0), Scope::kSession, timeout));
  PG_RETURN_VOID();
}

Datum db_guard_try_session_lock(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(locks::take_lock(
      locks::wish_of(fcinfo->args[0].value, PG_ARGISNULL(0), Scope::kSession, locks::kNotAtAll)));
}

Datum db_guard_session_unlock(PG_FUNCTION_ARGS) {
  const locks::Wish wish =
      locks::wish_of(fcinfo->args[0].value, PG_ARGISNULL(0), Scope::kSession, 0);
  if (locks::release_session_lock(wish)) PG_RETURN_VOID();
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("lock \"%.*s\" is not held by this session", wish.length, wish.name),
                  errdetail("Behind a pooler in transaction mode, two transactions of a client may "
                            "run in two sessions: "
                            "then the session that has the lock keeps it."),
                  errhint("Use db_guard.lock, which ends with the transaction, or a lease. "
                          "db_guard.held_locks shows who "
                          "holds it.")));
}
