#include "batch/key_walk.hpp"

#include "batch/heap_pages.hpp"
#include "core/text.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
}

namespace db_guard::batch {

namespace {

using core::Text;

// Pages that a window spans. Its passes come back to each of them, so they should stay in memory.
constexpr double kWindowPages = 1000;
constexpr std::int64_t kMostWindowRows = 200000;
constexpr std::int64_t kFewestWindowRows = 1000;
// Below this share of HOT updates the passes cost more than they save.
constexpr double kEnoughHot = 0.4;
// After so many windows at most the passes get another chance.
constexpr int kTryAgainAfter = 16;
constexpr int kMostRevisited = 1000;
// How many batches look their rows up by key, beginning with one that was taken back by place.
constexpr int kByKeyFor = 16;

// Not all rows of a batch were changed at their places; thrown to take it back.
struct Miscounted {};

std::int64_t rows_of_window(const TableFacts& facts) {
  const auto rows = std::int64_t(std::max(facts.traits.rows_per_page, 1.0) * kWindowPages);
  return std::clamp(rows, kFewestWindowRows, kMostWindowRows);
}

}  // namespace

KeyWalk::KeyWalk(Run& run, int segment, const TableFacts& facts)
    : run_(run),
      job_(run.job()),
      segment_(segment),
      table_(job_.segments.tables[std::size_t(segment)]),
      facts_(facts),
      keys_(facts.key_types),
      first_pace_(run.job().options.target_ms, run.job().options.batch_size),
      pace_(run.job().options.target_ms, run.job().options.batch_size),
      window_rows_(rows_of_window(facts)) {}

void KeyWalk::use(pg::Prepared& statement, const Text& sql, const core::Vector<Oid>& types) {
  if (!statement.is_prepared()) statement.prepare(sql, types);
}

core::Vector<Oid> KeyWalk::bound_types(bool has_low) const {
  core::Vector<Oid> types = column_types(facts_.key_types);
  if (!has_low) return types;
  const core::Vector<Oid> again = types;
  types.insert(types.end(), again.begin(), again.end());
  return types;
}

core::Vector<Datum> KeyWalk::bounds(bool has_low, const Key& high) const {
  core::Vector<Datum> values;
  if (has_low) values = key_values(facts_.key_types, job_.cursor.low);
  const core::Vector<Datum> end = key_values(facts_.key_types, high);
  values.insert(values.end(), end.begin(), end.end());
  return values;
}

bool KeyWalk::find_bound() {
  bool found_one = false;
  run_.read([&] {
    use(statements_.highest, highest_key(facts_.shape), {});
    keys_.read(statements_.highest, {});
    found_one = keys_.size() > 0;
  });
  if (!found_one) return false;
  const Key highest = keys_.text(0);
  if (highest == job_.cursor.bound) return false;
  if (!job_.cursor.bound.empty() && keys_.first_behind(job_.cursor.bound) == 1) return false;
  job_.cursor.bound = highest;
  return true;
}

void KeyWalk::walk() {
  seen_before_ = job_.rows_seen;
  while (job_.cursor.low != job_.cursor.bound) {
    run_.before_batch();
    choose_passes();
    if (goes_in_order()) {
      walk_in_order();
    } else {
      walk_window();
    }
    come_back_to_locked_rows();
  }
}

// One pass over all rows needs no list of them, and no window: a batch ends so many keys further.
bool KeyWalk::goes_in_order() const {
  const Cursor& cursor = job_.cursor;
  return cursor.passes == 1 && cursor.high.empty() && facts_.shape.where_clause.empty();
}

void KeyWalk::walk_in_order() {
  for (std::int64_t rows = 0; rows < window_rows_ && job_.cursor.low != job_.cursor.bound;) {
    const std::int64_t size = pace_.size();
    run_.before_batch();
    if (run_.batch(table_, [&] { change_next(size); }) == Outcome::kLocked) {
      change_next_carefully(size);
    } else {
      pace_.note(size, run_.last_ms());
    }
    rows += size;
  }
  seen_before_ = job_.rows_seen;
  window_began_ = run_.last_transaction();
}

void KeyWalk::change_next(std::int64_t size) {
  const bool has_low = !job_.cursor.low.empty();
  const Key end = end_of_batch(size);
  pg::Prepared& change = has_low ? statements_.change_next : statements_.change_first;
  use(change, change_up_to(facts_.shape, has_low), bound_types(has_low));
  run_.note_rows(std::int64_t(change.execute(bounds(has_low, end))));
  job_.cursor.low = end;
  job_.rows_seen += double(size);
}

Key KeyWalk::end_of_batch(std::int64_t size) {
  const bool has_low = !job_.cursor.low.empty();
  core::Vector<Oid> types = bound_types(has_low);
  types.push_back(INT8OID);
  pg::Prepared& find = has_low ? statements_.batch_end_next : statements_.batch_end_first;
  use(find, batch_end(facts_.shape, has_low), types);
  core::Vector<Datum> parameters = bounds(has_low, job_.cursor.bound);
  parameters.push_back(Int64GetDatum(size - 1));
  KeyList end(facts_.key_types);
  end.read(find, parameters);
  return end.size() == 0 ? job_.cursor.bound : end.text(0);
}

void KeyWalk::change_next_carefully(std::int64_t size) {
  const bool has_low = !job_.cursor.low.empty();
  run_.read([&] {
    pg::Prepared list;
    list.prepare(list_all(facts_.shape, has_low, false, size), bound_types(has_low));
    keys_.read(list, bounds(has_low, job_.cursor.bound));
  });
  core::Vector<int> rows;
  for (int i = 0; i < keys_.size(); i++) rows.push_back(i);
  if (rows.empty()) {
    job_.cursor.low = job_.cursor.bound;
  } else {
    change_carefully(rows, keys_);
  }
}

void KeyWalk::walk_window() {
  open_window();
  for (; job_.cursor.pass < job_.cursor.passes; job_.cursor.pass++) {
    run_pass();
    job_.cursor.position.clear();
  }
  close_window();
}

// One that a job was stopped in is opened as it was.
void KeyWalk::open_window() {
  const bool has_low = !job_.cursor.low.empty();
  run_.read([&] {
    listing_ = pg::call([&] { return begin_listing(table_); });
    list_window(has_low);
  });
  note_turns();
  counted_ = pg::call([&] { return pg::pending_updates(table_); });
}

void KeyWalk::list_window(bool has_low) {
  const Shape& shape = facts_.shape;
  Cursor& cursor = job_.cursor;
  const bool reopened = !cursor.high.empty();
  if (shape.where_clause.empty() && !reopened) {
    pg::Prepared& list = has_low ? statements_.list_next : statements_.list_first;
    use(list, list_all(shape, has_low, uses_places(), window_rows_), bound_types(has_low));
    keys_.read(list, bounds(has_low, cursor.bound), uses_places());
    cursor.high = keys_.size() < window_rows_ ? cursor.bound : keys_.text(keys_.size() - 1);
    rows_in_window_ = keys_.size();
    return;
  }
  if (!reopened) {
    pg::Prepared& end = has_low ? statements_.end_next : statements_.end_first;
    use(end, window_end(shape, has_low, window_rows_), bound_types(has_low));
    keys_.read(end, bounds(has_low, cursor.bound));
    cursor.high = keys_.size() == 0 ? cursor.bound : keys_.text(0);
  }
  rows_in_window_ = std::clamp(job_.rows_estimated - seen_before_, 0.0, double(window_rows_));
  pg::Prepared matching;
  matching.prepare(list_matching(shape, has_low, uses_places()), bound_types(has_low));
  keys_.read(matching, bounds(has_low, cursor.high), uses_places());
}

// One pass reads the index, and needs none of them.
bool KeyWalk::uses_places() const { return job_.cursor.passes > 1 && facts_.traits.is_heap; }

void KeyWalk::note_turns() {
  const int passes = job_.cursor.passes;
  turns_.assign(std::size_t(passes), {});
  for (int i = 0; i < keys_.size(); i++) {
    turns_[passes == 1 ? 0 : std::size_t(keys_.turn(i, passes))].push_back(i);
  }
}

// Whoever keeps what the last window left dead, or what was dead before the first one.
Text KeyWalk::horizon_in_the_way() {
  const bool is_first = !FullTransactionIdIsValid(window_began_);
  if (job_.options.walk == Walk::kStride || (is_first && job_.cursor.passes > 1)) return {};
  Text holder;
  run_.read(
      [&] { holder = horizon_holder(table_, is_first ? run_.last_transaction() : window_began_); });
  return holder;
}

// Several passes where they pay: while dead rows are removed, and updates are HOT. What is in the
// way may be gone soon, an ANALYZE for one; it is looked for after one window, two, four and so on.
void KeyWalk::choose_passes() {
  Cursor& cursor = job_.cursor;
  const bool reopened = !cursor.high.empty();
  if (cursor.walk != Walk::kStride || reopened) return;
  if (cursor.passes == 1 && windows_in_one_pass_++ % try_again_after_ != 0) return;
  Traits traits = facts_.traits;
  traits.held_horizon = horizon_in_the_way();
  const Choice wanted = choose_walk(traits, job_.options.walk);
  try_again_after_ = wanted.passes > 1 ? 1 : std::min(2 * try_again_after_, kTryAgainAfter);
  windows_in_one_pass_ = 1;
  cursor.passes = wanted.passes;
  cursor.reason = wanted.reason;
}

void KeyWalk::close_window() {
  Cursor& cursor = job_.cursor;
  window_began_ = run_.last_transaction();
  const pg::UpdateCounts now = pg::call([&] { return pg::pending_updates(table_); });
  const auto updated = double(now.all - counted_.all);
  if (cursor.passes > 1 && updated > 1000 &&
      double(now.hot - counted_.hot) < kEnoughHot * updated && job_.options.walk != Walk::kStride) {
    cursor.passes = 1;
    cursor.reason = Text("too few of the updates were HOT");
    try_again_after_ = kTryAgainAfter;
    windows_in_one_pass_ = 1;
  }
  cursor.low = cursor.high;
  cursor.high.clear();
  cursor.position.clear();
  cursor.pass = 0;
  seen_before_ += rows_in_window_;
  job_.rows_seen = seen_before_;
}

void KeyWalk::come_back_to_locked_rows() {
  const double pause = Run::backoff(locked_tries_) * 5;
  if (run_.now() - tried_locked_ < pause) return;
  tried_locked_ = run_.now();
  run_.read([&] { locked_tries_ = count_locked_rows(job_) > 0 ? locked_tries_ + 1 : 0; });
  if (locked_tries_ > 0) (void)revisit();
}

Pace& KeyWalk::pace() {
  return job_.cursor.passes > 1 && job_.cursor.pass == 0 ? first_pace_ : pace_;
}

core::Vector<int> KeyWalk::next_rows(std::size_t& from) {
  const core::Vector<int>& turn = turns_[std::size_t(job_.cursor.pass)];
  const std::size_t end = std::min(turn.size(), from + std::size_t(pace().size()));
  const core::Vector<int> rows(turn.begin() + std::ptrdiff_t(from),
                               turn.begin() + std::ptrdiff_t(end));
  from = end;
  return rows;
}

void KeyWalk::run_pass() {
  const core::Vector<int>& turn = turns_[std::size_t(job_.cursor.pass)];
  const Key& position = job_.cursor.position;
  const int first = position.empty() ? 0 : keys_.first_behind(position);
  auto from = std::size_t(std::lower_bound(turn.begin(), turn.end(), first) - turn.begin());
  while (true) {
    const core::Vector<int> rows = next_rows(from);
    if (rows.empty()) return;
    run_.before_batch();
    if (change_in_turn(rows) == Outcome::kLocked) {
      change_carefully(rows, keys_);
    } else {
      pace().note(std::int64_t(rows.size()), run_.last_ms());
    }
  }
}

Outcome KeyWalk::change_in_turn(const core::Vector<int>& rows) {
  const auto work = [&] {
    change(rows, keys_);
    note_progress(rows, rows.back() + 1);
  };
  by_key_for_ = std::max(by_key_for_ - 1, 0);
  try {
    return run_.batch(table_, work);
  } catch (const Miscounted&) {
    by_key_for_ = kByKeyFor;
    return run_.batch(table_, work);
  }
}

void KeyWalk::note_progress(const core::Vector<int>& rows, int done) {
  Cursor& cursor = job_.cursor;
  if (goes_in_order()) {
    cursor.low = keys_.text(rows.back());
    job_.rows_seen += double(rows.size());
    return;
  }
  cursor.position = keys_.text(rows.back());
  const double passed = (cursor.pass + double(done) / std::max(keys_.size(), 1)) / cursor.passes;
  job_.rows_seen = seen_before_ + rows_in_window_ * passed;
}

void KeyWalk::change(const core::Vector<int>& rows, const KeyList& keys) {
  if (&keys != &keys_) return run_.note_rows(change_keys(rows, keys));
  if (job_.cursor.passes == 1) return run_.note_rows(change_range(rows));
  const bool by_place = keys.has_places() && by_key_for_ == 0;
  run_.note_rows(by_place ? change_places(rows) : change_keys(rows, keys));
}

// Reads the index once.
std::int64_t KeyWalk::change_range(const core::Vector<int>& rows) {
  use(statements_.change_range, batch::change_range(facts_.shape), bound_types(true));
  core::Vector<Datum> parameters;
  keys_.append_key(rows.front(), parameters);
  keys_.append_key(rows.back(), parameters);
  return std::int64_t(statements_.change_range.execute(parameters));
}

// Looks the keys up one by one, and only those.
std::int64_t KeyWalk::change_keys(const core::Vector<int>& rows, const KeyList& keys) {
  use(statements_.change_keys, batch::change_keys(facts_.shape), array_types(facts_.key_types));
  return std::int64_t(statements_.change_keys.execute(keys.arrays(rows)));
}

// The rows are fetched from where they were when the window was opened, without a look at the
// index. Those that have moved since are looked up by key. What moves in between is seen by its
// number only: then the batch is taken back, and all of it looked up by key.
std::int64_t KeyWalk::change_places(const core::Vector<int>& rows) {
  core::Vector<int> placed = keys_.by_place(rows);
  core::Vector<ItemPointerData> places = keys_.places(placed);
  int* numbers = placed.data();
  ItemPointerData* data = places.data();
  const int count = int(places.size());
  // Opening the window has looked at every page for the first pass.
  const bool clears = job_.cursor.pass > 0;
  const int unchanged =
      pg::call([&] { return put_unchanged_first(table_, listing_, clears, data, numbers, count); });
  use(statements_.change_at, change_at(facts_.shape), {TIDARRAYOID});
  const Datum array = pg::call([&] { return place_array(data, unchanged); });
  const auto changed = std::int64_t(statements_.change_at.execute({array}));
  if (changed != unchanged) throw Miscounted{};
  const core::Vector<int> moved(placed.begin() + unchanged, placed.end());
  return moved.empty() ? changed : changed + change_keys(moved, keys_);
}

core::Vector<Text> KeyWalk::found(pg::Prepared& statement, const core::Vector<Datum>& arrays) {
  KeyList list(facts_.key_types);
  list.read(statement, arrays);
  core::Vector<Text> result;
  for (int i = 0; i < list.size(); i++) result.push_back(list.packed(i));
  std::sort(result.begin(), result.end());
  return result;
}

// Somebody holds some of the rows: those are noted for later, the others changed.
void KeyWalk::change_unlocked(const core::Vector<int>& rows, const KeyList& keys) {
  const core::Vector<Oid> types = array_types(facts_.key_types);
  const core::Vector<Datum> arrays = keys.arrays(rows);
  use(statements_.lock_keys, lock_keys(facts_.shape), types);
  use(statements_.find_keys, find_keys(facts_.shape), types);
  const core::Vector<Text> free = found(statements_.lock_keys, arrays);
  const core::Vector<Text> all = found(statements_.find_keys, arrays);
  core::Vector<Text> locked, tried;
  std::set_difference(all.begin(), all.end(), free.begin(), free.end(), std::back_inserter(locked));
  for (const int row : rows) tried.push_back(keys.packed(row));
  core::Vector<int> mine;
  for (std::size_t i = 0; i < rows.size(); i++) {
    if (std::binary_search(free.begin(), free.end(), tried[i])) mine.push_back(rows[i]);
  }
  if (!mine.empty()) run_.note_rows(change_keys(mine, keys));
  note_locked_rows(job_, segment_, tried, locked);
}

void KeyWalk::leave_for_later(const core::Vector<int>& rows, const KeyList& keys) {
  core::Vector<Text> locked;
  for (const int row : rows) locked.push_back(keys.packed(row));
  note_locked_rows(job_, segment_, locked, locked);
}

// Where even then something is locked, a row that a foreign key points to for example, halves of
// the batch find out which rows it is about.
void KeyWalk::change_carefully(const core::Vector<int>& rows, const KeyList& keys) {
  const bool in_pass = &keys == &keys_;
  const auto moved = [&] {
    if (in_pass) note_progress(rows, rows.back() + 1);
  };
  const Outcome outcome = run_.batch(table_, [&] {
    change_unlocked(rows, keys);
    moved();
  });
  if (outcome == Outcome::kDone) return;
  if (rows.size() == 1) {
    (void)run_.batch(table_, [&] {
      leave_for_later(rows, keys);
      moved();
    });
    return;
  }
  const auto middle = rows.begin() + std::ptrdiff_t(rows.size() / 2);
  change_carefully({rows.begin(), middle}, keys);
  change_carefully({middle, rows.end()}, keys);
}

std::int64_t KeyWalk::revisit() {
  std::int64_t left = 0;
  Text behind;
  while (true) {
    run_.before_batch();
    core::Vector<Text> packed;
    run_.read([&] { packed = locked_rows(job_, segment_, behind, kMostRevisited); });
    if (packed.empty()) return left;
    behind = packed.back();
    KeyList keys(facts_.key_types);
    keys.take_texts(packed);
    core::Vector<int> rows;
    for (int i = 0; i < keys.size(); i++) rows.push_back(i);
    change_carefully(rows, keys);
    core::Vector<Text> still;
    run_.read([&] { still = locked_rows(job_, segment_, {}, kMostRevisited); });
    left = std::int64_t(still.size());
  }
}

}  // namespace db_guard::batch
