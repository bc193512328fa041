// Through a table without a key, page by page. Its WHERE must leave out what is changed: then a row
// is never changed twice, and what other sessions move past the walk is found at the end.
#pragma once

#include "batch/run.hpp"

namespace db_guard::batch {

class PageWalk {
 public:
  PageWalk(Run& run, int segment, const TableFacts& facts);

  void find_bound();
  void walk();
  // The rows that match and that the walk has not met; how many are locked.
  std::int64_t finish();

 private:
  void run_pass(std::int64_t low, std::int64_t high);
  void change_pages_between(std::int64_t from, std::int64_t to);
  void change_carefully(std::int64_t from, std::int64_t to);
  void change_each(const core::Vector<ItemPointerData>& places);
  // Rows changed; throws where one of them would be changed again.
  std::int64_t count_changes(const pg::Prepared& statement, const core::Vector<Datum>& values);
  std::int64_t change_at(const core::Vector<ItemPointerData>& places);
  core::Vector<ItemPointerData> list_left();
  [[nodiscard]] core::Vector<Datum> page_values(std::int64_t from, std::int64_t to) const;
  [[nodiscard]] core::Vector<Oid> page_types() const;
  [[nodiscard]] bool in_turns() const { return job_.cursor.passes > 1; }
  void note_progress(std::int64_t page);

  Run& run_;
  Job& job_;
  Oid table_;
  const TableFacts& facts_;
  pg::Prepared change_, lock_, change_places_, lock_places_, list_;
  Pace pace_;
  double seen_before_ = 0;
};

}  // namespace db_guard::batch
