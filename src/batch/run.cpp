#include "batch/run.hpp"

#include <cmath>

#include "batch/progress_text.hpp"
#include "batch/throttle.hpp"
#include "core/text.hpp"
#include "pg/arena.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/instrument.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

namespace db_guard::batch {

namespace {

using core::Text;

// Long enough for the row locks of short transactions, far below deadlock_timeout: whoever waits
// for us gets on before the server looks for deadlocks.
constexpr const char* kRowPatience = "20ms";
// How often a sleeper looks whether it shall stop.
constexpr double kGlance = 500;
// A job that finds nothing to change still says how far it is.
constexpr double kSaveEvery = 1000;

std::int64_t microseconds() {
  instr_time time;
  INSTR_TIME_SET_CURRENT(time);
  return std::int64_t(INSTR_TIME_GET_MICROSEC(time));
}

void set_locally(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
                          false);
}

}  // namespace

Run::Run(Job& job, pg::Procedure& procedure) : job_(job), procedure_(procedure) {
  scratch_ = pg::call(
      [] { return AllocSetContextCreate(pg::arena(), "db_guard batch", ALLOCSET_DEFAULT_SIZES); });
  outer_ = MemoryContextSwitchTo(scratch_);
  started_ = microseconds();
  wal_at_start_ = pgWalUsage.wal_bytes;
}

Run::~Run() {
  MemoryContextSwitchTo(outer_);
  MemoryContextDelete(scratch_);
}

double Run::now() const { return double(microseconds() - started_) / 1000; }

void Run::reset_memory() { MemoryContextReset(scratch_); }

double Run::backoff(int tries) { return std::min(2000.0, 20 * std::pow(2.0, std::min(tries, 7))); }

bool Run::is_worth_retrying(const pg::PgError& error) {
  return error.sqlstate() == ERRCODE_T_R_SERIALIZATION_FAILURE ||
         error.sqlstate() == ERRCODE_T_R_DEADLOCK_DETECTED;
}

void Run::begin() {
  pg::check_for_interrupts();
  if (procedure_.begins_transaction()) {
    const pg::Rows rows =
        pg::query("SELECT key, value FROM jsonb_each_text($1::jsonb)", {job_.settings.c_str()});
    pg::call([&] {
      for (int i = 0; i < rows.rows; i++) set_locally(rows.at(i, 0), rows.at(i, 1));
      set_locally("lock_timeout", kRowPatience);
    });
  }
  pg::call([] { EnsurePortalSnapshotExists(); });
}

// Without queueing: a migration that waits for the table gets it between two batches.
void Run::claim(Oid table) {
  if (!pg::call([&] { return ConditionalLockRelationOid(table, RowExclusiveLock); })) {
    throw TableBusy{};
  }
}

void Run::write() {
  const double time = now();
  job_.running_ms += time - counted_until_;
  counted_until_ = time;
  job_.waiting_for.clear();
  shall_stop_ = save_job(job_);
}

void Run::commit_batch() {
  last_transaction_ = GetTopFullTransactionIdIfAny();
  procedure_.commit();
  last_saved_ = now();
}

void Run::save() {
  begin();
  pg::in_subtransaction([this] { write(); });
  commit_batch();
}

void Run::wait_for_table(int tries) {
  procedure_.commit();
  wait(backoff(tries), "a lock on the table");
}

void Run::sleep(double milliseconds) {
  const double until = now() + milliseconds;
  for (double left = milliseconds; left > 0; left = until - now()) {
    pg::call([&] {
      // What a look at the catalog has left would hold back vacuum as any snapshot does.
      InvalidateCatalogSnapshot();
      (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
                      long(std::ceil(left)), PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
    });
    pg::check_for_interrupts();
  }
}

void Run::wait(double milliseconds, std::string_view reason) {
  const bool is_long = milliseconds >= kGlance || now() - last_saved_ > kSaveEvery;
  if (is_long && job_.waiting_for != reason) {
    begin();
    job_.waiting_for = Text(reason);
    shall_stop_ = save_job(job_);
    commit_batch();
  }
  const double until = now() + milliseconds;
  while (true) {
    if (shall_stop_) throw Cancelled{};
    const double left = until - now();
    if (left <= 0) return;
    sleep(std::min(left, kGlance));
    if (left < kGlance) continue;
    shall_stop_ = is_cancelled(job_.id);
    procedure_.commit();
  }
}

void Run::wait_for_throttles() {
  if (!has_throttle(job_.options)) return;
  while (true) {
    begin();
    Text reason;
    pg::in_subtransaction([&] { reason = reason_to_wait(job_.options); });
    procedure_.commit();
    if (reason.empty()) return;
    wait(kGlance, reason);
  }
}

void Run::before_batch() {
  reset_memory();
  if (shall_stop_) throw Cancelled{};
  // What is read before the batch has left a snapshot, which must not be held while asleep.
  procedure_.commit();
  if (now() - last_saved_ > kSaveEvery) save();
  if (job_.batches > batches_paused_for_) {
    batches_paused_for_ = job_.batches;
    double pause = job_.options.pause_ms;
    if (job_.options.max_wal_rate) {
      const double written = double(pgWalUsage.wal_bytes - wal_at_start_);
      pause = std::max(pause, written * 1000 / double(*job_.options.max_wal_rate) - now());
    }
    if (pause > 0)
      wait(pause, pause > job_.options.pause_ms ? "max_wal_rate" : "the pause between batches");
  }
  wait_for_throttles();
  notice_progress();
}

void Run::notice_progress() {
  if (job_.options.notice_ms <= 0 || now() - last_notice_ < job_.options.notice_ms) return;
  last_notice_ = now();
  const Text text = progress_text(
      {job_.id, job_.rows_done, job_.rows_seen, job_.rows_estimated, job_.running_ms});
  pg::call([&] { ereport(NOTICE, errmsg_internal("%s", text.c_str())); });
}

}  // namespace db_guard::batch
