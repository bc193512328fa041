#include "batch/job.hpp"

#include "core/error.hpp"
#include "core/netstrings.hpp"
#include "core/text.hpp"
#include "pg/as_owner.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/guc.h"
}

namespace db_guard::batch {

namespace {

using core::concat;
using core::Error;
using core::number;
using core::Text;

Text real(double value) {
  char buffer[40];
  std::snprintf(buffer, sizeof(buffer), "%.3f", value);
  return Text(buffer);
}

const char* or_null(const Text& text) { return text.empty() ? nullptr : text.c_str(); }

Text optional_number(const std::optional<std::int64_t>& value) {
  return value ? number(*value) : Text();
}

Text array_literal(const core::Vector<Text>& items) {
  Text result("{");
  for (const Text& item : items) {
    if (result.size() > 1) result.push_back(',');
    result.push_back('"');
    for (const char c : item) {
      if (c == '"' || c == '\\') result.push_back('\\');
      result.push_back(c);
    }
    result.push_back('"');
  }
  result.push_back('}');
  return result;
}

Text oid_array(const core::Vector<Oid>& ids) {
  core::Vector<Text> items;
  for (const Oid id : ids) items.push_back(number(std::int64_t(id)));
  return array_literal(items);
}

Key key_of(std::string_view text) {
  auto parts = core::split_netstrings(text);
  if (!parts)
    throw Error("XX001", Text("the row of the batch job in db_guard.batch_jobs has been altered"));
  return std::move(*parts);
}

std::int64_t integer(const pg::Rows& rows, int column) {
  return rows.at(0, column) != nullptr ? std::strtoll(rows.at(0, column), nullptr, 10) : 0;
}

double real_of(const pg::Rows& rows, int column) {
  return rows.at(0, column) != nullptr ? std::strtod(rows.at(0, column), nullptr) : 0;
}

std::optional<std::int64_t> optional_of(const pg::Rows& rows, int column) {
  if (rows.at(0, column) == nullptr) return std::nullopt;
  return integer(rows, column);
}

bool is_true(const pg::Rows& rows, int column) { return rows.text(0, column) == "t"; }

constexpr const char* kCreate = R"sql(
INSERT INTO db_guard.batch_jobs (operation, target, set_clause, where_clause, owner, settings,
  batch_size, pause_ms, target_ms, max_lock_wait_ms, notice_ms, max_replica_lag, max_lock_waiters,
  max_wal_rate, wait_while, wanted_walk, background, state, segments, together, rows_estimated)
VALUES ($1, $2::oid, $3, $4, $5::oid, $6::jsonb, $7::bigint, $8::float8, $9::float8, $10::float8,
  $11::float8, $12::bigint, $13::bigint, $14::bigint, $15, $16, $17::boolean, 'new',
  $18::oid[]::regclass[], $19::boolean, $20::float8)
RETURNING job)sql";

constexpr const char* kLoad = R"sql(
SELECT operation, target::oid, set_clause, where_clause, owner::oid, settings, batch_size, pause_ms,
  target_ms, max_lock_wait_ms, notice_ms, max_replica_lag, max_lock_waiters, max_wal_rate, wait_while,
  wanted_walk, background, state, together, rows_estimated, rows_done, rows_seen, batches, running_ms,
  segment, walk, walk_reason, passes, pass, low_key, high_key, bound_key, position_key, sweeping
  FROM db_guard.batch_jobs WHERE job = $1::bigint)sql";

constexpr const char* kSave = R"sql(
UPDATE db_guard.batch_jobs
   SET state = $2, rows_done = $3::bigint, rows_seen = $4::float8, batches = $5::bigint,
       running_ms = $6::float8, segment = $7::integer,
       walk = coalesce(nullif($8, 'auto'), walk), walk_reason = coalesce($9, walk_reason),
       passes = $10::integer, pass = $11::integer, low_key = $12, high_key = $13, bound_key = $14,
       position_key = $15, sweeping = $16::boolean, waiting_for = $17, last_error = $18,
       saved_at = clock_timestamp(),
       finished_at = CASE WHEN $2 <> 'running' THEN clock_timestamp() END
 WHERE job = $1::bigint
RETURNING EXISTS (SELECT FROM db_guard.batch_cancellations AS c WHERE c.job = $1::bigint))sql";

// What the clauses mean depends on these, and another session may have others.
constexpr const char* kSettings = R"sql(
SELECT jsonb_object_agg(name, current_setting(name))
  FROM unnest(ARRAY['TimeZone', 'DateStyle', 'IntervalStyle', 'bytea_output', 'extra_float_digits',
                    'standard_conforming_strings', 'transform_null_equals', 'row_security']) AS name)sql";

Text settings_of_session() {
  const char* path = pg::call([] { return GetConfigOption("search_path", false, false); });
  const pg::Rows rows = pg::query(kSettings);
  const pg::Rows all =
      pg::query("SELECT $1::jsonb || jsonb_build_object('search_path', $2)", {rows.at(0, 0), path});
  return Text(all.text(0, 0));
}

void load_options(const pg::Rows& rows, Job& job) {
  Options& options = job.options;
  options.batch_size = integer(rows, 6);
  options.pause_ms = real_of(rows, 7);
  options.target_ms = real_of(rows, 8);
  options.max_lock_wait_ms = real_of(rows, 9);
  options.notice_ms = real_of(rows, 10);
  options.max_replica_lag = optional_of(rows, 11);
  options.max_lock_waiters = optional_of(rows, 12);
  options.max_wal_rate = optional_of(rows, 13);
  options.wait_while = Text(rows.text(0, 14));
  options.walk = walk_by_name(rows.text(0, 15)).value_or(Walk::kAuto);
}

void load_cursor(const pg::Rows& rows, Job& job) {
  Cursor& cursor = job.cursor;
  cursor.segment = int(integer(rows, 24));
  cursor.walk = walk_by_name(rows.text(0, 25)).value_or(Walk::kAuto);
  cursor.reason = Text(rows.text(0, 26));
  cursor.passes = int(integer(rows, 27));
  cursor.pass = int(integer(rows, 28));
  cursor.low = key_of(rows.text(0, 29));
  cursor.high = key_of(rows.text(0, 30));
  cursor.bound = key_of(rows.text(0, 31));
  cursor.position = key_of(rows.text(0, 32));
  cursor.sweeping = is_true(rows, 33);
  // What the row says then is about the table before.
  if (cursor.bound.empty()) cursor.walk = Walk::kAuto;
}

void load_segments(Job& job) {
  const Text id = number(job.id);
  const pg::Rows rows = pg::query(R"sql(
SELECT s.id::oid FROM db_guard.batch_jobs AS j, unnest(j.segments) WITH ORDINALITY AS s (id, place)
 WHERE j.job = $1::bigint ORDER BY s.place)sql",
                                  {id.c_str()});
  for (int i = 0; i < rows.rows; i++) {
    job.segments.tables.push_back(Oid(std::strtoul(rows.at(i, 0), nullptr, 10)));
  }
}

}  // namespace

void create_job(Job& job) {
  job.settings = settings_of_session();
  const Options& options = job.options;
  const Text target = number(std::int64_t(job.request.target)),
             owner = number(std::int64_t(job.owner));
  const Text size = number(options.batch_size), pause = real(options.pause_ms);
  const Text goal = real(options.target_ms), lock_wait = real(options.max_lock_wait_ms);
  const Text notice = real(options.notice_ms), lag = optional_number(options.max_replica_lag);
  const Text waiters = optional_number(options.max_lock_waiters);
  const Text wal = optional_number(options.max_wal_rate), walk(walk_name(options.walk));
  const Text segments = oid_array(job.segments.tables), rows = real(job.rows_estimated);
  const pg::AsOwner as_owner;
  const pg::Rows created = pg::query(kCreate, {job.request.deletes ? "delete" : "update",
                                               target.c_str(),
                                               or_null(job.request.set_clause),
                                               or_null(job.request.where_clause),
                                               owner.c_str(),
                                               job.settings.c_str(),
                                               size.c_str(),
                                               pause.c_str(),
                                               goal.c_str(),
                                               lock_wait.c_str(),
                                               notice.c_str(),
                                               or_null(lag),
                                               or_null(waiters),
                                               or_null(wal),
                                               or_null(options.wait_while),
                                               walk.c_str(),
                                               job.background ? "t" : "f",
                                               segments.c_str(),
                                               job.segments.together ? "t" : "f",
                                               rows.c_str()});
  job.id = integer(created, 0);
  job.state = Text("new");
}

Job load_job(std::int64_t id) {
  Job job;
  job.id = id;
  const Text text = number(id);
  const pg::AsOwner as_owner;
  const pg::Rows rows = pg::query(kLoad, {text.c_str()});
  if (rows.rows == 0) {
    throw Error("02000", concat({"there is no batch job ", text}), {},
                Text("The view db_guard.batch_progress lists the jobs."));
  }
  job.request.deletes = rows.text(0, 0) == "delete";
  job.request.target = Oid(integer(rows, 1));
  job.request.set_clause = Text(rows.text(0, 2));
  job.request.where_clause = Text(rows.text(0, 3));
  job.owner = Oid(integer(rows, 4));
  job.settings = Text(rows.text(0, 5));
  job.background = is_true(rows, 16);
  job.state = Text(rows.text(0, 17));
  job.segments.together = is_true(rows, 18);
  job.rows_estimated = real_of(rows, 19);
  job.rows_done = integer(rows, 20);
  job.rows_seen = real_of(rows, 21);
  job.batches = integer(rows, 22);
  job.running_ms = real_of(rows, 23);
  load_options(rows, job);
  load_cursor(rows, job);
  load_segments(job);
  return job;
}

bool save_job(const Job& job) {
  const Cursor& cursor = job.cursor;
  const Text id = number(job.id), done = number(job.rows_done), seen = real(job.rows_seen);
  const Text batches = number(job.batches), running = real(job.running_ms);
  const Text segment = number(cursor.segment), walk(walk_name(cursor.walk));
  const Text passes = number(cursor.passes), pass = number(cursor.pass);
  const Text low = core::join_netstrings(cursor.low), high = core::join_netstrings(cursor.high);
  const Text bound = core::join_netstrings(cursor.bound);
  const Text position = core::join_netstrings(cursor.position);
  const pg::AsOwner as_owner;
  static pg::KeptPlan plan;
  const pg::Rows rows = pg::query(
      plan, kSave,
      {id.c_str(), job.state.c_str(), done.c_str(), seen.c_str(), batches.c_str(), running.c_str(),
       segment.c_str(), walk.c_str(), or_null(cursor.reason), passes.c_str(), pass.c_str(),
       or_null(low), or_null(high), or_null(bound), or_null(position), cursor.sweeping ? "t" : "f",
       or_null(job.waiting_for), or_null(job.last_error)});
  if (rows.rows == 0) {
    throw Error("55000", concat({"the row of batch job ", id, " in db_guard.batch_jobs is gone"}));
  }
  return is_true(rows, 0);
}

bool is_cancelled(std::int64_t id) {
  const Text text = number(id);
  const pg::AsOwner as_owner;
  return pg::query("SELECT 1 FROM db_guard.batch_cancellations WHERE job = $1::bigint",
                   {text.c_str()})
             .rows > 0;
}

void forget_cancellation(std::int64_t id) {
  const Text text = number(id);
  const pg::AsOwner as_owner;
  pg::query("DELETE FROM db_guard.batch_cancellations WHERE job = $1::bigint", {text.c_str()});
}

void note_locked_rows(const Job& job, int place, const core::Vector<Text>& tried,
                      const core::Vector<Text>& locked) {
  const Text id = number(job.id), segment = number(place);
  const Text all = array_literal(tried), left = array_literal(locked);
  const pg::AsOwner as_owner;
  pg::query(R"sql(
DELETE FROM db_guard.batch_locked_rows
 WHERE job = $1::bigint AND segment = $2::integer AND row_key = ANY ($3::text[])
   AND row_key <> ALL ($4::text[]))sql",
            {id.c_str(), segment.c_str(), all.c_str(), left.c_str()});
  pg::query(R"sql(
INSERT INTO db_guard.batch_locked_rows
SELECT $1::bigint, $2::integer, row_key FROM unnest($3::text[]) AS row_key
ON CONFLICT DO NOTHING)sql",
            {id.c_str(), segment.c_str(), left.c_str()});
}

core::Vector<Text> locked_rows(const Job& job, int segment, std::string_view behind, int limit) {
  const Text id = number(job.id), place = number(segment), most = number(limit), after(behind);
  const pg::AsOwner as_owner;
  const pg::Rows rows = pg::query(R"sql(
SELECT row_key FROM db_guard.batch_locked_rows
 WHERE job = $1::bigint AND segment = $2::integer AND row_key > $3
 ORDER BY row_key LIMIT $4::bigint)sql",
                                  {id.c_str(), place.c_str(), after.c_str(), most.c_str()});
  core::Vector<Text> result;
  for (int i = 0; i < rows.rows; i++) result.emplace_back(rows.text(i, 0));
  return result;
}

std::int64_t count_locked_rows(const Job& job) {
  const Text id = number(job.id);
  const pg::AsOwner as_owner;
  return integer(pg::query("SELECT count(*) FROM db_guard.batch_locked_rows WHERE job = $1::bigint",
                           {id.c_str()}),
                 0);
}

}  // namespace db_guard::batch
