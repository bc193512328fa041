#include "batch/runner.hpp"

#include "batch/clauses.hpp"
#include "batch/key_walk.hpp"
#include "batch/page_walk.hpp"
#include "core/error.hpp"
#include "core/netstrings.hpp"
#include "core/text.hpp"
#include "pg/own_lock.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/xact.h"
#include "storage/lock.h"
#include "utils/lsyscache.h"
}

namespace db_guard::batch {

namespace {

using core::concat;
using core::Error;
using core::number;
using core::Text;

constexpr std::size_t kMostKeysNamed = 5;
constexpr const char* kWhenFree =
    "The other rows are done. Resume the job when the locks are gone.";

void notice(const Text& text) {
  pg::call([&] { ereport(NOTICE, errmsg_internal("%s", text.c_str())); });
}

// Held over all transactions of the job: it goes with the session, also when that crashes.
class JobLock {
 public:
  explicit JobLock(std::int64_t job) : tag_(pg::own_lock_tag(pg::LockSpace::kBatchJob, job)) {
    const LockAcquireResult result =
        pg::call([&] { return LockAcquire(&tag_, ExclusiveLock, true, true); });
    if (result == LOCKACQUIRE_OK) return;
    if (result != LOCKACQUIRE_NOT_AVAIL) (void)LockRelease(&tag_, ExclusiveLock, true);
    throw Error("55006", concat({"batch job ", number(job), " is being run by another session"}),
                {}, Text("db_guard.batch_progress shows by which."));
  }
  ~JobLock() { (void)LockRelease(&tag_, ExclusiveLock, true); }
  JobLock(const JobLock&) = delete;
  JobLock& operator=(const JobLock&) = delete;

 private:
  LOCKTAG tag_;
};

class Runner {
 public:
  Runner(Job& job, pg::Procedure& procedure) : job_(job), run_(job, procedure) {}

  void run() {
    job_.state = Text("running");
    job_.last_error.clear();
    forget_cancellation(job_.id);
    run_.save();
    const auto count = int(job_.segments.tables.size());
    while (job_.cursor.segment < count) walk_segment();
    wait_for_locked_rows();
    job_.state = Text("done");
    job_.rows_seen = job_.rows_estimated;
    run_.save();
    notice(concat({"batch job ", number(job_.id), " is done: ", number(job_.rows_done),
                   job_.request.deletes ? " rows deleted" : " rows updated"}));
  }

  void give_up(std::string_view state, const Text& why) {
    job_.state = Text(state);
    job_.last_error = why;
    run_.save();
    notice(concat({"batch job ", number(job_.id), " has stopped behind ", number(job_.rows_done),
                   " rows, which stay. Go on with: CALL db_guard.batch_resume(", number(job_.id),
                   ");"}));
  }

 private:
  void walk_segment() {
    TableFacts facts;
    const Oid table = job_.segments.tables[std::size_t(job_.cursor.segment)];
    bool exists = false;
    run_.read([&] { exists = read_table(job_.request, table, job_.segments.together, facts); });
    if (exists) {
      begin_segment(table, facts);
      if (job_.cursor.walk == Walk::kPages) {
        walk_pages(facts);
      } else {
        walk_keys(facts);
      }
    } else {
      notice(concat({"batch job ", number(job_.id), ": a table with the OID ",
                     number(std::int64_t(table)), " is gone and is left out"}));
    }
    const int next = job_.cursor.segment + 1;
    job_.cursor = {};
    job_.cursor.segment = next;
    run_.save();
  }

  // A walk that was begun goes on as it was; what was chosen is written down before the first
  // batch.
  void begin_segment(Oid table, TableFacts& facts) {
    if (job_.cursor.walk != Walk::kAuto) return;
    facts.traits.held_horizon = held_horizon(table);
    const Choice choice = walk_of(job_, facts);
    job_.cursor.walk = choice.walk;
    job_.cursor.passes = choice.passes;
    job_.cursor.reason = choice.reason;
    const Text name = name_of(table);
    const Text text = concat({"batch job ", number(job_.id),
                              job_.request.deletes ? " deletes from " : " updates ", name,
                              ", walk ", walk_name(choice.walk), ": ", choice.reason});
    if (job_.cursor.segment == 0 && job_.batches == 0) notice(text);
    run_.save();
  }

  // Short transactions of others end soon; whoever does not within the moment is in the way.
  Text held_horizon(Oid table) {
    Text holder;
    for (int tries = 0; tries < 10; tries++) {
      run_.read([&] { holder = horizon_holder(table, run_.last_transaction()); });
      if (holder.empty()) return holder;
      run_.procedure().commit();
      run_.wait(10, "older transactions");
    }
    return holder;
  }

  void walk_keys(const TableFacts& facts) {
    KeyWalk walk(run_, job_.cursor.segment, facts);
    if (job_.cursor.bound.empty() && !walk.find_bound()) return;
    walk.walk();
    // What came in behind the bound meanwhile, once. Without a WHERE nothing says whether whoever
    // wrote it has done the change already.
    if (job_.cursor.sweeping || job_.request.where_clause.empty() || !walk.find_bound()) return;
    job_.cursor.sweeping = true;
    walk.walk();
  }

  void walk_pages(const TableFacts& facts) {
    PageWalk walk(run_, job_.cursor.segment, facts);
    if (job_.cursor.bound.empty()) walk.find_bound();
    walk.walk();
    const std::int64_t left = walk.finish();
    if (left == 0) return;
    throw Error("55P03",
                concat({number(left), " rows of ",
                        name_of(job_.segments.tables[std::size_t(job_.cursor.segment)]),
                        " are still locked by other sessions"}),
                {}, Text(kWhenFree));
  }

  void wait_for_locked_rows() {
    const double deadline = run_.now() + job_.options.max_lock_wait_ms;
    for (int tries = 0;; tries++) {
      std::int64_t left = 0;
      for (std::size_t i = 0; i < job_.segments.tables.size(); i++) left += revisit(int(i));
      if (left == 0) return;
      if (run_.now() >= deadline) report_locked_rows();
      run_.wait(Run::backoff(tries), "rows that are locked");
    }
  }

  std::int64_t revisit(int segment) {
    core::Vector<Text> any;
    run_.read([&] { any = locked_rows(job_, segment, {}, 1); });
    if (any.empty()) return 0;
    TableFacts facts;
    const Oid table = job_.segments.tables[std::size_t(segment)];
    bool exists = false;
    run_.read([&] { exists = read_table(job_.request, table, job_.segments.together, facts); });
    if (!exists) return 0;
    KeyWalk walk(run_, segment, facts);
    return walk.revisit();
  }

  [[noreturn]] void report_locked_rows() {
    std::int64_t count = 0;
    core::Vector<Text> named;
    run_.read([&] {
      count = count_locked_rows(job_);
      for (std::size_t i = 0; i < job_.segments.tables.size(); i++) name_locked_rows(int(i), named);
    });
    throw Error("55P03",
                concat({core::counted(std::size_t(count), "row is", "rows are"),
                        " still locked by other sessions"}),
                concat({"Not changed: ", core::list_of(named, kMostKeysNamed), "."}),
                Text(kWhenFree));
  }

  void name_locked_rows(int segment, core::Vector<Text>& named) {
    const Text table = name_of(job_.segments.tables[std::size_t(segment)]);
    for (const Text& packed : locked_rows(job_, segment, {}, int(kMostKeysNamed) + 1)) {
      const auto key = core::split_netstrings(packed);
      if (key) named.push_back(concat({table, " (", core::list_of(*key, key->size()), ")"}));
    }
  }

  Job& job_;
  Run run_;
};

// The job's row says why it ended; the error goes on to the caller as it is.
void write_down(Runner& runner, std::string_view state, const Text& why) noexcept {
  try {
    runner.give_up(state, why);
  } catch (...) {
    // The row keeps saying that it runs, and the view that nobody does.
    return;
  }
}

}  // namespace

Choice walk_of(const Job& job, const TableFacts& facts) {
  if (!job.segments.together) return choose_walk(facts.traits, job.options.walk);
  if (facts.traits.has_key) {
    return {Walk::kKeyset, 1,
            Text("its parts are reached through the table itself, for want of rights on each "
                 "of them or because of its row security")};
  }
  throw Error(
      "42501",
      concat({"the parts of ", name_of(job.request.target), " cannot be gone through one by one"}),
      Text(
          "Rights on some of them are missing, or the table has row security, and it has no key of "
          "its own."),
      Text("Grant UPDATE or DELETE on the partitions, or add a primary key."));
}

namespace {

// Has the server check the names, types and rights of a statement.
void explain(const Text& statement) {
  const Text sql = concat({"EXPLAIN ", statement});
  pg::call([&] {
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    (void)SPI_execute(sql.c_str(), false, 0);
    SPI_finish();
  });
}

}  // namespace

void prepare_job(Job& job) {
  check_target(job.request);
  if (!job.request.deletes) check_set_clause(job.request.set_clause);
  if (!job.request.where_clause.empty()) check_where_clause(job.request.where_clause);
  job.segments = segments_of(job.request);
  TableFacts facts;
  for (const Oid table : job.segments.tables) {
    if (!read_table(job.request, table, job.segments.together, facts)) continue;
    (void)walk_of(job, facts);
    job.rows_estimated += facts.rows;
  }
  // Rights, types and names as the statement will need them; with the target's own name in
  // messages.
  if (!read_table(job.request, job.request.target, true, facts)) return;
  explain(plain_change(facts.shape));
  if (job.options.wait_while.empty()) return;
  check_where_clause(job.options.wait_while);
  explain(concat({"SELECT (\n", job.options.wait_while, "\n)::pg_catalog.bool"}));
}

void run_job(Job& job, pg::Procedure& procedure) {
  const JobLock lock(job.id);
  Runner runner(job, procedure);
  try {
    runner.run();
  } catch (const Cancelled&) {
    const Text text = concat({"batch job ", number(job.id), " was cancelled"});
    write_down(runner, "cancelled", text);
    throw Error("57014", text);
  } catch (const Error& error) {
    write_down(runner, error.sqlstate() == "55P03" ? "incomplete" : "failed", error.message());
    throw;
  } catch (const pg::PgError& error) {
    write_down(runner, error.is_interruption() ? "cancelled" : "failed", Text(error.what()));
    throw;
  }
}

}  // namespace db_guard::batch
