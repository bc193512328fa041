// A job at work: its transactions, its waits, and what it says meanwhile. The walks are made of it.
#pragma once

#include "batch/job.hpp"
#include "batch/pace.hpp"
#include "pg/procedure.hpp"
#include "pg/subtransaction.hpp"

namespace db_guard::batch {

// The job shall stop; it can be resumed.
struct Cancelled {};

// Another session has the table locked against changes.
struct TableBusy {};

// Rows, or the table, are locked by others.
enum class Outcome { kDone, kLocked };

class Run {
 public:
  Run(Job& job, pg::Procedure& procedure);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  [[nodiscard]] Job& job() { return job_; }
  [[nodiscard]] pg::Procedure& procedure() { return procedure_; }

  // Runs the body in a subtransaction, under the settings of the job; an error out of it leaves a
  // transaction that can go on. Waits for as long as the table is locked by others.
  template <class Body>
  void read(Body&& body) {
    for (int tries = 0; !try_read(body); tries++) wait_for_table(tries);
  }

  // One batch: the body changes rows and moves the cursor; the row of the job is written and all is
  // committed. Where it cannot be, the job is as it was before.
  template <class Body>
  Outcome batch(Oid table, Body&& body) {
    const Job before = job_;
    for (int tries = 0;; tries++) {
      try {
        return attempt(table, body);
      } catch (const TableBusy&) {
        job_ = before;
        wait_for_table(tries);
      } catch (const pg::PgError& error) {
        job_ = before;
        if (error.sqlstate() == ERRCODE_LOCK_NOT_AVAILABLE) return Outcome::kLocked;
        if (!is_worth_retrying(error) || tries >= kMostTries) throw;
        procedure_.commit();
        wait(backoff(tries), "another try after a conflict with another session");
      } catch (...) {
        job_ = before;
        throw;
      }
    }
  }

  // How long the last batch held its locks.
  [[nodiscard]] double last_ms() const { return last_ms_; }
  // The transaction of the last batch; invalid before the first.
  [[nodiscard]] FullTransactionId last_transaction() const { return last_transaction_; }

  // Pause, throttles, NOTICE: what comes before every batch. Throws Cancelled.
  void before_batch();

  // Writes the row of the job, and commits.
  void save();

  // Sleeps without a snapshot. Throws Cancelled.
  void wait(double milliseconds, std::string_view reason);

  void note_rows(std::int64_t rows) { job_.rows_done += rows; }
  [[nodiscard]] static double backoff(int tries);
  // Since the job was created or resumed, in milliseconds.
  [[nodiscard]] double now() const;
  // Forgets what the last batch has left in memory.
  void reset_memory();

 private:
  static constexpr int kMostTries = 12;

  template <class Body>
  bool try_read(Body& body) {
    begin();
    try {
      pg::in_subtransaction(body);
      return true;
    } catch (const pg::PgError& error) {
      if (error.sqlstate() != ERRCODE_LOCK_NOT_AVAILABLE) throw;
      return false;
    }
  }

  template <class Body>
  Outcome attempt(Oid table, Body& body) {
    begin();
    const double started = now();
    pg::in_subtransaction([&] {
      claim(table);
      body();
      job_.batches++;
      write();
    });
    commit_batch();
    last_ms_ = now() - started;
    return Outcome::kDone;
  }

  static bool is_worth_retrying(const pg::PgError& error);
  // Settings of this transaction, and the snapshot that the server expects below a subtransaction.
  void begin();
  static void claim(Oid table);
  void write();
  void commit_batch();
  void wait_for_table(int tries);
  void wait_for_throttles();
  void notice_progress();
  void sleep(double milliseconds);

  Job& job_;
  pg::Procedure& procedure_;
  MemoryContext scratch_ = nullptr;
  MemoryContext outer_ = nullptr;
  double last_ms_ = 0;
  double last_saved_ = 0;
  double last_notice_ = 0;
  double counted_until_ = 0;
  std::int64_t batches_paused_for_ = 0;
  std::uint64_t wal_at_start_ = 0;
  std::int64_t started_ = 0;
  FullTransactionId last_transaction_ = InvalidFullTransactionId;
  bool shall_stop_ = false;
};

}  // namespace db_guard::batch
