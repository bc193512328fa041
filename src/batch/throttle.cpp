#include "batch/throttle.hpp"

#include "core/text.hpp"
#include "pg/as_owner.hpp"
#include "pg/procedure.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace db_guard::batch {

namespace {

using core::concat;
using core::number;
using core::Text;

// Behind by what they have replayed; a replica that has not said so yet is behind by everything.
Text lagging_replica(std::int64_t most) {
  const Text limit = number(most);
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
SELECT coalesce(application_name, ''), pg_wal_lsn_diff(pg_current_wal_insert_lsn(), replay_lsn)::bigint
  FROM pg_stat_replication
 WHERE state IS DISTINCT FROM 'backup'
 ORDER BY replay_lsn NULLS FIRST LIMIT 1)sql");
  if (rows.rows == 0) return Text("a replica: none is connected, so its lag is not known");
  const std::string_view name = rows.text(0, 0);
  if (rows.at(0, 1) == nullptr) return concat({"replica ", name, ": its lag is not known"});
  const std::int64_t lag = std::strtoll(rows.at(0, 1), nullptr, 10);
  if (lag <= most) return {};
  return concat({"replica ", name, ": it is ", core::pretty_bytes(std::uint64_t(lag)),
                 " of WAL behind, and max_replica_lag is ",
                 core::pretty_bytes(std::uint64_t(most))});
}

Text lock_waiters(std::int64_t most) {
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
SELECT count(DISTINCT pid) FROM pg_locks
 WHERE NOT granted AND (database = 0 OR database IS NULL
        OR database = (SELECT oid FROM pg_database WHERE datname = current_database())))sql");
  const std::int64_t waiting = std::strtoll(rows.at(0, 0), nullptr, 10);
  if (waiting <= most) return {};
  return concat(
      {number(waiting), " sessions that wait for locks, and max_lock_waiters is ", number(most)});
}

// With the caller's rights and names.
Text user_query(const Text& expression) {
  const Text sql = concat({"SELECT (\n", expression, "\n)::pg_catalog.bool"});
  const bool go = pg::call([&] {
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    if (SPI_execute(sql.c_str(), true, 2) != SPI_OK_SELECT) elog(ERROR, "SPI_execute failed");
    bool is_null = true;
    bool waits = true;
    if (SPI_processed == 1) {
      waits =
          DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
    }
    const bool result = !is_null && !waits;
    SPI_finish();
    return result;
  });
  return go ? Text() : concat({"wait_while: ", expression});
}

}  // namespace

bool has_throttle(const Options& options) {
  return options.max_replica_lag || options.max_lock_waiters || !options.wait_while.empty();
}

Text reason_to_wait(const Options& options) {
  Text reason;
  if (options.max_replica_lag) reason = lagging_replica(*options.max_replica_lag);
  if (reason.empty() && options.max_lock_waiters) reason = lock_waiters(*options.max_lock_waiters);
  if (reason.empty() && !options.wait_while.empty()) reason = user_query(options.wait_while);
  return reason;
}

}  // namespace db_guard::batch
