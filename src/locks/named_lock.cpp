#include "locks/named_lock.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "locks/lock_names.hpp"
#include "pg/as_owner.hpp"
#include "pg/entry.hpp"
#include "pg/own_lock.hpp"
#include "pg/server_version.hpp"
#include "pg/spi.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "utils/guc.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
}

namespace db_guard::locks {

namespace {

using core::concat;
using core::Error;
using core::number;
using core::Text;

// It has to fit into an index.
constexpr int kLongestName = 1000;

bool acquire(std::int64_t key, Scope scope, bool waits) {
  // What a look at the catalog has left would hold back vacuum, and CREATE INDEX CONCURRENTLY.
  if (waits) InvalidateCatalogSnapshot();
  const LOCKTAG tag = pg::own_lock_tag(pg::LockSpace::kNamed, key);
  return LockAcquire(&tag, ExclusiveLock, scope == Scope::kSession, !waits) !=
         LOCKACQUIRE_NOT_AVAIL;
}

void release(std::int64_t key, Scope scope) {
  const LOCKTAG tag = pg::own_lock_tag(pg::LockSpace::kNamed, key);
  (void)LockRelease(&tag, ExclusiveLock, scope == Scope::kSession);
}

void set_lock_timeout(double milliseconds) {
  char value[32];
  std::snprintf(value, sizeof(value), "%.0fms", std::max(milliseconds, 1.0));
  (void)set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                          0, false);
}

void wait_in_queue(std::int64_t key, const Wish& wish) {
  const int nest_level = NewGUCNestLevel();
  set_lock_timeout(wish.timeout_ms);
  (void)acquire(key, wish.scope, true);
  AtEOXact_GUC(false, nest_level);
}

Text holder_of(std::int64_t key) {
  const Text text = number(key);
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
SELECT format('It is held by process %s, user %s, application %s.', h.pid, h.user_name,
              quote_literal(h.application_name))
  FROM db_guard.held_locks AS h WHERE h.key = $1::bigint)sql",
                                  {text.c_str()});
  return rows.rows > 0 ? Text(rows.text(0, 0)) : Text();
}

// In a subtransaction, so that there is a transaction left in which to ask who was in the way. No
// snapshot is held while waiting, or the holder could not build an index CONCURRENTLY.
void wait_or_explain(std::int64_t key, const Wish& wish) {
  try {
    pg::in_subtransaction([&] { pg::call([&] { wait_in_queue(key, wish); }); });
    return;
  } catch (const pg::PgError& error) {
    if (error.sqlstate() != ERRCODE_LOCK_NOT_AVAILABLE) throw;
  }
  const std::string_view name(wish.name, std::size_t(wish.length));
  throw Error("55P03",
              concat({"lock \"", name, "\" was not obtained within ",
                      core::pretty_duration(std::int64_t(wish.timeout_ms))}),
              holder_of(key), Text("db_guard.held_locks shows who holds it and who waits."));
}

bool take_key(std::int64_t key, const Wish& wish) {
  if (acquire(key, wish.scope, false)) return true;
  if (wish.timeout_ms < 0) return false;
  if (wish.timeout_ms == 0) return acquire(key, wish.scope, true);
  pg::enter([&] { wait_or_explain(key, wish); });
  return true;
}

}  // namespace

Wish wish_of(Datum name, bool is_null, Scope scope, double timeout_ms) {
  if (is_null) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be null")));
  }
  text* value = DatumGetTextPP(name);
  const Wish wish{VARDATA_ANY(value), int(VARSIZE_ANY_EXHDR(value)), scope, timeout_ms};
  if (wish.length < 1 || wish.length > kLongestName) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the name of a lock has 1 to %d bytes, and this one has %d",
                           kLongestName, wish.length)));
  }
  return wish;
}

// The holder of a key is the only one who may enter a name for it, so two sessions that come with
// different names for one key find out one after the other.
bool take_lock(const Wish& wish) {
  while (true) {
    const LockName name = find_lock_name(wish.name, wish.length);
    if (!take_key(name.key, wish)) return false;
    if (name.settled || enter_lock_name(wish.name, wish.length, name.key)) return true;
    release(name.key, wish.scope);
  }
}

bool release_session_lock(const Wish& wish) {
  const LockName name = find_lock_name(wish.name, wish.length);
  const LOCKTAG tag = pg::own_lock_tag(pg::LockSpace::kNamed, name.key);
  return pg::holds_lock(tag, ExclusiveLock) && LockRelease(&tag, ExclusiveLock, true);
}

}  // namespace db_guard::locks
