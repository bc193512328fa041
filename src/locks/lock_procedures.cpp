// wait_lock, run_with_lock and run_with_retries: procedures that end their transactions themselves.
#include "core/error.hpp"
#include "core/text.hpp"
#include "locks/named_lock.hpp"
#include "locks/retries.hpp"
#include "pg/entry.hpp"
#include "pg/procedure.hpp"
#include "pg/spi.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "common/pg_prng.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

PG_FUNCTION_INFO_V1(db_guard_wait_lock);
PG_FUNCTION_INFO_V1(db_guard_run_with_lock);
PG_FUNCTION_INFO_V1(db_guard_run_with_retries);
}

namespace db_guard::locks {

namespace {

using core::concat;
using core::Error;
using core::number;
using core::Text;

// `instead`: what there is for a transaction.
void refuse_context(FunctionCallInfo fcinfo, const char* name, const char* instead) {
  if (pg::may_commit(fcinfo)) return;
  ereport(
      ERROR,
      (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
       errmsg("%s ends its transaction, so it cannot run inside a transaction block or a function",
              name),
       errhint("Call it by itself, outside of BEGIN ... COMMIT. Inside a transaction, %s.",
               instead)));
}

double milliseconds_of(const Interval* interval) {
  return (interval->month * 30.0 + interval->day) * 86400000.0 + double(interval->time) / 1000.0;
}

double interval_argument(FunctionCallInfo fcinfo, int number, const char* name, double least) {
  if (PG_ARGISNULL(number)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name)));
  }
  const double value = milliseconds_of(PG_GETARG_INTERVAL_P(number));
  if (value < least || value > INT_MAX) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s is out of range", name)));
  }
  return value;
}

// As for the functions: NULL for ever, zero not at all.
double timeout_argument(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return 0;
  const double value = interval_argument(fcinfo, number, "timeout", 0);
  return value == 0 ? -1 : value;
}

const char* statement_argument(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("sql must not be null")));
  }
  return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

void take_or_throw(const Wish& wish) {
  if (pg::call([&] { return take_lock(wish); })) return;
  throw Error("55P03",
              concat({"lock \"", std::string_view(wish.name, std::size_t(wish.length)),
                      "\" is held by another session"}),
              {}, Text("db_guard.held_locks shows by which."));
}

// With the snapshot of the call gone: the commit before the wait is the whole point.
void wait_lock(const Wish& wish) {
  pg::Procedure procedure;
  procedure.commit();
  take_or_throw(wish);
  // Its name may have been entered.
  procedure.commit();
  procedure.finish();
}

void execute(const char* sql) {
  pg::call([&] {
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    const int code = SPI_execute(sql, false, 0);
    if (code == SPI_ERROR_TRANSACTION) {
      ereport(ERROR,
              (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
               errmsg("the statements run in one transaction, and must not end it themselves")));
    }
    if (code < 0) elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
    SPI_finish();
  });
}

class HeldLock {
 public:
  explicit HeldLock(const Wish& wish) : wish_(wish) { take_or_throw(wish_); }
  ~HeldLock() {
    try {
      pg::call([this] { return release_session_lock(wish_); });
    } catch (...) {
      // It ends with the session.
      return;
    }
  }
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;

 private:
  const Wish& wish_;
};

// What the statements have done is committed, or undone, before the next holder may look.
void run_with_lock(const Wish& wish, const char* sql) {
  pg::Procedure procedure;
  procedure.commit();
  {
    const HeldLock lock(wish);
    procedure.commit();
    pg::call([] { EnsurePortalSnapshotExists(); });
    pg::in_subtransaction([&] { execute(sql); });
    procedure.commit();
  }
  procedure.finish();
}

struct Retries {
  const char* sql;
  Ladder ladder;
  int attempts;
};

// With the caller's names; nothing where the statement is of a kind that explain_ddl does not know.
Text sessions_in_the_way(const char* sql) {
  Text result;
  try {
    pg::in_subtransaction([&] {
      const char* found = pg::call([&]() -> const char* {
        const MemoryContext target = CurrentMemoryContext;
        if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
        Oid types[1] = {TEXTOID};
        Datum values[1] = {CStringGetTextDatum(sql)};
        const int code = SPI_execute_with_args(R"sql(
SELECT pg_catalog.string_agg(line, '; ') FROM (
  SELECT DISTINCT pg_catalog.format('process %s (%s, %s, in its transaction since %s)', a.pid, a.usename,
           pg_catalog.quote_literal(a.application_name), a.xact_start) AS line
    FROM db_guard.explain_ddl($1) AS e, pg_catalog.unnest(e.blocked_by) AS b (pid)
    JOIN pg_catalog.pg_stat_activity AS a ON a.pid OPERATOR(pg_catalog.=) b.pid) AS lines)sql",
                                               1, types, values, nullptr, true, 1);
        const char* text = nullptr;
        if (code == SPI_OK_SELECT && SPI_processed == 1) {
          text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
        }
        if (text != nullptr) text = MemoryContextStrdup(target, text);
        SPI_finish();
        return text;
      });
      if (found != nullptr) result = Text(found);
    });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
  }
  return result;
}

void sleep(double milliseconds) {
  const TimestampTz until =
      TimestampTzPlusMilliseconds(GetCurrentTimestamp(), std::int64_t(milliseconds));
  while (true) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
    if (left <= 0) return;
    pg::call([&] {
      InvalidateCatalogSnapshot();
      (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
                      PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
    });
    pg::check_for_interrupts();
  }
}

void set_lock_timeout(double milliseconds) {
  const Text value = concat({number(std::int64_t(milliseconds)), "ms"});
  pg::call([&] {
    (void)set_config_option("lock_timeout", value.c_str(), PGC_USERSET, PGC_S_SESSION,
                            GUC_ACTION_LOCAL, true, 0, false);
  });
}

// CREATE INDEX CONCURRENTLY and its like.
[[noreturn]] void refuse_to_run(std::string_view why) {
  throw Error("25001", Text(why),
              Text("run_with_retries runs its statements in one transaction, and this one needs "
                   "several of its own. What runs CONCURRENTLY stops neither reads nor writes, so "
                   "it needs no retries; a lock_timeout would cut its waits and leave an invalid "
                   "index behind."),
              Text("Run it by itself, after SET lock_timeout = 0."));
}

// True when done; false when a lock was not to be had in time.
bool try_once(const Retries& retries, double timeout_ms) {
  set_lock_timeout(timeout_ms);
  pg::call([] { EnsurePortalSnapshotExists(); });
  try {
    pg::in_subtransaction([&] { execute(retries.sql); });
    return true;
  } catch (const pg::PgError& error) {
    const int code = error.sqlstate();
    if (code == ERRCODE_ACTIVE_SQL_TRANSACTION) refuse_to_run(error.what());
    if (code != ERRCODE_LOCK_NOT_AVAILABLE && code != ERRCODE_T_R_DEADLOCK_DETECTED) throw;
    return false;
  }
}

void run_with_retries(const Retries& retries) {
  pg::Procedure procedure;
  procedure.commit();
  Text in_the_way;
  for (int attempt = 0; attempt < retries.attempts; attempt++) {
    const double timeout = lock_timeout_of(retries.ladder, attempt);
    if (try_once(retries, timeout)) {
      procedure.commit();
      procedure.finish();
      return;
    }
    in_the_way = sessions_in_the_way(retries.sql);
    procedure.commit();
    const Text text = concat({"attempt ", number(attempt + 1), " of ", number(retries.attempts),
                              ": no lock within ", core::pretty_duration(std::int64_t(timeout)),
                              in_the_way.empty() ? "" : "; in the way: ", in_the_way});
    pg::call([&] { ereport(NOTICE, errmsg_internal("%s", text.c_str())); });
    if (attempt + 1 == retries.attempts) break;
    sleep(pause_behind(retries.ladder, attempt, pg_prng_double(&pg_global_prng_state)));
  }
  throw Error("55P03",
              concat({"no lock was obtained in ",
                      core::counted(std::size_t(retries.attempts), "attempt", "attempts")}),
              in_the_way.empty() ? Text() : concat({"In the way: ", in_the_way, "."}),
              Text("Nothing was changed. Try again when those sessions have ended their "
                   "transactions, or allow more "
                   "attempts."));
}

}  // namespace

}  // namespace db_guard::locks

using namespace db_guard;

Datum db_guard_wait_lock(PG_FUNCTION_ARGS) {
  locks::refuse_context(fcinfo, "wait_lock", "use db_guard.lock");
  const double timeout = locks::timeout_argument(fcinfo, 1);
  const locks::Wish wish =
      locks::wish_of(fcinfo->args[0].value, PG_ARGISNULL(0), locks::Scope::kSession, timeout);
  pg::enter([&] { locks::wait_lock(wish); });
  PG_RETURN_VOID();
}

Datum db_guard_run_with_lock(PG_FUNCTION_ARGS) {
  locks::refuse_context(fcinfo, "run_with_lock",
                        "use db_guard.lock, and run the statement behind it");
  const char* sql = locks::statement_argument(fcinfo, 1);
  const double timeout = locks::timeout_argument(fcinfo, 2);
  const locks::Wish wish =
      locks::wish_of(fcinfo->args[0].value, PG_ARGISNULL(0), locks::Scope::kSession, timeout);
  pg::enter([&] { locks::run_with_lock(wish, sql); });
  PG_RETURN_VOID();
}

Datum db_guard_run_with_retries(PG_FUNCTION_ARGS) {
  locks::refuse_context(fcinfo, "run_with_retries",
                        "SET LOCAL lock_timeout, and try all of it again when it gives up");
  locks::Retries retries{};
  retries.sql = locks::statement_argument(fcinfo, 0);
  retries.ladder.most_ms = locks::interval_argument(fcinfo, 1, "lock_timeout", 1);
  retries.attempts = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
  retries.ladder.first_ms = locks::interval_argument(fcinfo, 3, "first_timeout", 1);
  retries.ladder.longest_pause_ms = locks::interval_argument(fcinfo, 4, "max_pause", 0);
  if (retries.attempts < 1) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("attempts must be at least 1")));
  }
  pg::enter([&] { locks::run_with_retries(retries); });
  PG_RETURN_VOID();
}
