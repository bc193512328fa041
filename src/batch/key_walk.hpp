// Through a table in the order of a key: window by window, each in one pass or in several that take
// a few rows of every page.
#pragma once

#include "batch/heap_pages.hpp"
#include "batch/key_list.hpp"
#include "batch/run.hpp"
#include "pg/server_version.hpp"

namespace db_guard::batch {

// Which rows are a window's or a pass's depends on their keys alone, so rows that move on disk are
// neither missed nor met again, and what was done before a crash is known after it.
class KeyWalk {
 public:
  KeyWalk(Run& run, int segment, const TableFacts& facts);

  // From where the job's cursor is to its bound.
  void walk();
  // The rows that were locked when their turn came; how many still are.
  std::int64_t revisit();
  // Sets the bound of the cursor to the highest key; false for an empty table, or when it is
  // already.
  bool find_bound();

 private:
  struct Statements {
    pg::Prepared list_first, list_next, end_first, end_next;
    pg::Prepared batch_end_first, batch_end_next, change_first, change_next;
    pg::Prepared change_keys, change_range, change_at, lock_keys, find_keys, highest;
  };

  [[nodiscard]] bool goes_in_order() const;
  void walk_in_order();
  void change_next(std::int64_t size);
  void change_next_carefully(std::int64_t size);
  Key end_of_batch(std::int64_t size);
  void walk_window();
  void open_window();
  void list_window(bool has_low);
  [[nodiscard]] bool uses_places() const;
  core::Text horizon_in_the_way();
  void choose_passes();
  void note_turns();
  void run_pass();
  void close_window();
  void come_back_to_locked_rows();
  void change(const core::Vector<int>& rows, const KeyList& keys);
  std::int64_t change_range(const core::Vector<int>& rows);
  std::int64_t change_keys(const core::Vector<int>& rows, const KeyList& keys);
  Outcome change_in_turn(const core::Vector<int>& rows);
  std::int64_t change_places(const core::Vector<int>& rows);
  void change_carefully(const core::Vector<int>& rows, const KeyList& keys);
  void change_unlocked(const core::Vector<int>& rows, const KeyList& keys);
  void leave_for_later(const core::Vector<int>& rows, const KeyList& keys);
  core::Vector<core::Text> found(pg::Prepared& statement, const core::Vector<Datum>& arrays);
  [[nodiscard]] core::Vector<int> next_rows(std::size_t& from);
  [[nodiscard]] Pace& pace();
  [[nodiscard]] core::Vector<Datum> bounds(bool has_low, const Key& high) const;
  void use(pg::Prepared& statement, const core::Text& sql, const core::Vector<Oid>& types);
  [[nodiscard]] core::Vector<Oid> bound_types(bool has_low) const;
  void note_progress(const core::Vector<int>& rows, int done);

  Run& run_;
  Job& job_;
  int segment_;
  Oid table_;
  const TableFacts& facts_;
  Statements statements_;
  KeyList keys_;
  Listing listing_{};
  // Batches that look their rows up by key.
  int by_key_for_ = 0;
  // The rows of the window at work, by their turns.
  core::Vector<core::Vector<int>> turns_;
  // The rows of a first pass have to leave their pages, which takes longer.
  Pace first_pace_, pace_;
  std::int64_t window_rows_;
  double seen_before_ = 0;
  double rows_in_window_ = 0;
  pg::UpdateCounts counted_{};
  FullTransactionId window_began_ = InvalidFullTransactionId;
  int windows_in_one_pass_ = 0;
  int try_again_after_ = 1;
  double tried_locked_ = 0;
  int locked_tries_ = 0;
};

}  // namespace db_guard::batch
