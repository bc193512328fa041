// Leases: locks for work outside of transactions, with tokens that tell an old holder from the new.
#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/as_owner.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(db_guard_acquire_lease);
PG_FUNCTION_INFO_V1(db_guard_renew_lease);
PG_FUNCTION_INFO_V1(db_guard_release_lease);
PG_FUNCTION_INFO_V1(db_guard_check_lease);
}

namespace db_guard::locks {

namespace {

using core::concat;
using core::Error;
using core::number;
using core::Text;

constexpr std::size_t kLongestName = 1000;

struct Lease {
  const char* name;
  std::optional<std::int64_t> token;
  const char* holder;
  std::optional<double> seconds;
};

const char* text_or_null(FunctionCallInfo fcinfo, int number) {
  return PG_ARGISNULL(number) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

std::optional<std::int64_t> token_argument(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return std::nullopt;
  return PG_GETARG_INT64(number);
}

std::optional<double> seconds_argument(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return std::nullopt;
  const Interval* interval = PG_GETARG_INTERVAL_P(number);
  return (interval->month * 30.0 + interval->day) * 86400.0 + double(interval->time) / 1000000.0;
}

void check_name(const Lease& lease) {
  if (lease.name == nullptr) throw Error("22004", Text("name must not be null"));
  const std::size_t length = std::strlen(lease.name);
  if (length < 1 || length > kLongestName) {
    throw Error("22023", concat({"the name of a lease has 1 to ", number(kLongestName), " bytes"}));
  }
}

Text duration_of(const Lease& lease) {
  if (!lease.seconds) throw Error("22004", Text("duration must not be null"));
  if (*lease.seconds <= 0) throw Error("22023", Text("duration must be positive"));
  char text[40];
  std::snprintf(text, sizeof(text), "%.6f s", *lease.seconds);
  return Text(text);
}

Text token_of(const Lease& lease) {
  if (!lease.token) throw Error("22004", Text("token must not be null"));
  return number(*lease.token);
}

[[noreturn]] void refuse_stale(const Lease& lease) {
  throw Error("55000",
              concat({"token ", number(*lease.token), " of lease \"", lease.name,
                      "\" is not valid any more"}),
              Text("The lease has expired or was given back, and somebody else may have it."),
              Text("Stop the work, and acquire the lease again."));
}

// Zero for none: tokens begin with 1.
std::int64_t acquire(const Lease& lease) {
  check_name(lease);
  const Text duration = duration_of(lease);
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
INSERT INTO db_guard.leases AS l (name, token, holder, role_name, acquired_at, expires_at)
VALUES ($1, 1, $3, session_user, clock_timestamp(), clock_timestamp() + $2::interval)
ON CONFLICT (name) DO UPDATE
   SET token = l.token + 1, holder = excluded.holder, role_name = excluded.role_name,
       acquired_at = clock_timestamp(), expires_at = clock_timestamp() + $2::interval
 WHERE l.expires_at <= clock_timestamp()
RETURNING token)sql",
                                  {lease.name, duration.c_str(), lease.holder});
  return rows.rows > 0 ? std::strtoll(rows.at(0, 0), nullptr, 10) : 0;
}

// Also behind its end, as long as nobody else has taken it.
void renew(const Lease& lease) {
  check_name(lease);
  const Text duration = duration_of(lease), token = token_of(lease);
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
UPDATE db_guard.leases SET expires_at = clock_timestamp() + $3::interval
 WHERE name = $1 AND token = $2::bigint AND expires_at > '-infinity'
RETURNING 1)sql",
                                  {lease.name, token.c_str(), duration.c_str()});
  if (rows.rows == 0) refuse_stale(lease);
}

// The row stays, so that the next token is a higher one.
void release(const Lease& lease) {
  check_name(lease);
  const Text token = token_of(lease);
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
UPDATE db_guard.leases SET expires_at = '-infinity'
 WHERE name = $1 AND token = $2::bigint AND expires_at > '-infinity'
RETURNING 1)sql",
                                  {lease.name, token.c_str()});
  if (rows.rows == 0) refuse_stale(lease);
}

// The row lock keeps the lease from being taken over until the transaction that writes has ended.
void check(const Lease& lease) {
  check_name(lease);
  const Text token = token_of(lease);
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
SELECT expires_at > clock_timestamp() FROM db_guard.leases
 WHERE name = $1 AND token = $2::bigint FOR SHARE)sql",
                                  {lease.name, token.c_str()});
  if (rows.rows == 0 || rows.text(0, 0) != "t") refuse_stale(lease);
}

}  // namespace

}  // namespace db_guard::locks

using namespace db_guard;

Datum db_guard_acquire_lease(PG_FUNCTION_ARGS) {
  const locks::Lease lease{locks::text_or_null(fcinfo, 0), std::nullopt,
                           locks::text_or_null(fcinfo, 2), locks::seconds_argument(fcinfo, 1)};
  const std::int64_t token = pg::enter([&] { return locks::acquire(lease); });
  if (token == 0) PG_RETURN_NULL();
  PG_RETURN_INT64(token);
}

Datum db_guard_renew_lease(PG_FUNCTION_ARGS) {
  const locks::Lease lease{locks::text_or_null(fcinfo, 0), locks::token_argument(fcinfo, 1),
                           nullptr, locks::seconds_argument(fcinfo, 2)};
  pg::enter([&] { locks::renew(lease); });
  PG_RETURN_VOID();
}

Datum db_guard_release_lease(PG_FUNCTION_ARGS) {
  const locks::Lease lease{locks::text_or_null(fcinfo, 0), locks::token_argument(fcinfo, 1),
                           nullptr, std::nullopt};
  pg::enter([&] { locks::release(lease); });
  PG_RETURN_VOID();
}

Datum db_guard_check_lease(PG_FUNCTION_ARGS) {
  const locks::Lease lease{locks::text_or_null(fcinfo, 0), locks::token_argument(fcinfo, 1),
                           nullptr, std::nullopt};
  pg::enter([&] { locks::check(lease); });
  PG_RETURN_VOID();
}
