// A batch job as its row in db_guard.batch_jobs says.
#pragma once

#include <optional>

#include "batch/table_facts.hpp"
#include "batch/walk_choice.hpp"
#include "core/memory.hpp"

namespace db_guard::batch {

struct Options {
  std::int64_t batch_size = 1000;
  double pause_ms = 100;
  double target_ms = 50;
  double max_lock_wait_ms = 60000;
  double notice_ms = 10000;
  std::optional<std::int64_t> max_replica_lag;
  std::optional<std::int64_t> max_lock_waiters;
  std::optional<std::int64_t> max_wal_rate;
  core::Text wait_while;
  Walk walk = Walk::kAuto;
};

// A key, or a page for the walk by pages; empty before the first.
using Key = core::Vector<core::Text>;

// How far it is. Everything up to `low` is done; between `low` and `high` the passes before `pass`
// are, and of this one what lies up to `position`.
struct Cursor {
  int segment = 0;
  Walk walk = Walk::kAuto;
  core::Text reason;
  int passes = 1;
  int pass = 0;
  Key low;
  Key high;
  Key bound;
  Key position;
  bool sweeping = false;
};

struct Job {
  std::int64_t id = 0;
  Request request;
  Options options;
  Segments segments;
  Cursor cursor;
  Oid owner = InvalidOid;
  core::Text state;
  core::Text settings;  // as JSON
  bool background = false;
  std::int64_t rows_done = 0;
  double rows_seen = 0;
  double rows_estimated = 0;
  std::int64_t batches = 0;
  double running_ms = 0;
  core::Text waiting_for;
  core::Text last_error;
};

// Writes the row of a new job and sets its number.
void create_job(Job& job);

// Throws where there is none.
Job load_job(std::int64_t id);

// Writes how far it is; true where it shall stop.
bool save_job(const Job& job);

bool is_cancelled(std::int64_t id);
void forget_cancellation(std::int64_t id);

// The rows of a table that were locked, as keys in netstrings.
void note_locked_rows(const Job& job, int place, const core::Vector<core::Text>& tried,
                      const core::Vector<core::Text>& locked);
core::Vector<core::Text> locked_rows(const Job& job, int segment, std::string_view behind,
                                     int limit);
std::int64_t count_locked_rows(const Job& job);

}  // namespace db_guard::batch
