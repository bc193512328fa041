#include "batch/page_walk.hpp"

#include "batch/heap_pages.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
#include "access/relation.h"
}

namespace db_guard::batch {

namespace {

using core::Text;

constexpr std::int64_t kWindowPages = 1000;
constexpr std::int64_t kMostListed = 20000;
constexpr std::int64_t kPlacesOfBatch = 500;
// Rows that others move or add while we look: each time there are fewer, or they are new.
constexpr int kMostRounds = 20;

Datum first_place(std::int64_t page) {
  auto* place = static_cast<ItemPointer>(palloc(sizeof(ItemPointerData)));
  ItemPointerSet(place, BlockNumber(page), 0);
  return PointerGetDatum(place);
}

std::int64_t page_of(const Key& key) {
  return key.empty() ? 0 : std::strtoll(key.front().c_str(), nullptr, 10);
}

Key key_of(std::int64_t page) { return {core::number(page)}; }

void copy_places(ItemPointerData* places) {
  for (std::uint64_t row = 0; row < SPI_processed; row++) {
    bool is_null = false;
    const Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &is_null);
    places[row] = *reinterpret_cast<ItemPointer>(DatumGetPointer(value));
  }
  SPI_freetuptable(SPI_tuptable);
}

core::Vector<ItemPointerData> take_places() {
  core::Vector<ItemPointerData> places(static_cast<std::size_t>(SPI_processed));
  ItemPointerData* data = places.data();
  pg::call([&] { copy_places(data); });
  return places;
}

void notice_arrivals(std::size_t count) {
  const Text text = core::concat({core::counted(count, "row satisfies", "rows satisfy"),
                                  " the WHERE still, because others keep writing such rows"});
  pg::call([&] { ereport(NOTICE, errmsg_internal("%s", text.c_str())); });
}

}  // namespace

PageWalk::PageWalk(Run& run, int segment, const TableFacts& facts)
    : run_(run),
      job_(run.job()),
      table_(job_.segments.tables[std::size_t(segment)]),
      facts_(facts),
      pace_(run.job().options.target_ms,
            std::int64_t(double(run.job().options.batch_size) * job_.cursor.passes /
                         std::max(facts.traits.rows_per_page, 1.0))) {}

void PageWalk::find_bound() {
  std::int64_t pages = 0;
  run_.read([&] {
    pages = pg::call([&] {
      ::Relation relation = relation_open(table_, AccessShareLock);
      const auto count = std::int64_t(RelationGetNumberOfBlocks(relation));
      relation_close(relation, NoLock);
      return count;
    });
  });
  job_.cursor.bound = key_of(pages);
}

void PageWalk::walk() {
  Cursor& cursor = job_.cursor;
  seen_before_ = job_.rows_seen;
  const std::int64_t bound = page_of(cursor.bound);
  while (page_of(cursor.low) < bound) {
    const std::int64_t low = page_of(cursor.low);
    const std::int64_t high = std::min(low + kWindowPages, bound);
    for (; cursor.pass < cursor.passes; cursor.pass++) {
      run_pass(low, high);
      cursor.position.clear();
    }
    cursor.pass = 0;
    cursor.low = key_of(high);
    seen_before_ += double(high - low) * facts_.traits.rows_per_page;
  }
}

void PageWalk::run_pass(std::int64_t low, std::int64_t high) {
  std::int64_t from = std::max(low, page_of(job_.cursor.position));
  while (from < high) {
    run_.before_batch();
    const std::int64_t to = std::min(high, from + pace_.size());
    change_pages_between(from, to);
    from = to;
  }
}

void PageWalk::note_progress(std::int64_t page) {
  Cursor& cursor = job_.cursor;
  cursor.position = key_of(page);
  const double pages =
      double(page - page_of(cursor.low) + cursor.pass * kWindowPages) / cursor.passes;
  job_.rows_seen = seen_before_ + pages * facts_.traits.rows_per_page;
}

core::Vector<Oid> PageWalk::page_types() const {
  if (in_turns()) return {TIDOID, TIDOID, INT4OID, INT4OID};
  return {TIDOID, TIDOID};
}

core::Vector<Datum> PageWalk::page_values(std::int64_t from, std::int64_t to) const {
  core::Vector<Datum> values;
  values.push_back(pg::call([&] { return first_place(from); }));
  values.push_back(pg::call([&] { return first_place(to); }));
  if (in_turns()) {
    values.push_back(Int32GetDatum(job_.cursor.passes));
    values.push_back(Int32GetDatum(job_.cursor.pass));
  }
  return values;
}

std::int64_t PageWalk::count_changes(const pg::Prepared& statement,
                                     const core::Vector<Datum>& values) {
  statement.execute(values);
  struct Counts {
    std::int64_t changed, again;
  };
  const Counts counts = pg::call([] {
    bool is_null = false;
    const HeapTuple row = SPI_tuptable->vals[0];
    const TupleDesc shape = SPI_tuptable->tupdesc;
    const Counts result{DatumGetInt64(SPI_getbinval(row, shape, 1, &is_null)),
                        DatumGetInt64(SPI_getbinval(row, shape, 2, &is_null))};
    SPI_freetuptable(SPI_tuptable);
    return result;
  });
  if (counts.again == 0) return counts.changed;
  throw core::Error(
      "0A000", Text("rows still satisfy the WHERE after the change"),
      Text("The table has no key, so that nothing else tells changed rows from unchanged ones, and "
           "they would be changed again. The batch was rolled back."),
      Text("Add a unique index over NOT NULL columns that the SET clause does not change, or a "
           "WHERE "
           "that a changed row does not satisfy."));
}

void PageWalk::change_pages_between(std::int64_t from, std::int64_t to) {
  const Outcome outcome = run_.batch(table_, [&] {
    if (!change_.is_prepared())
      change_.prepare(change_pages(facts_.shape, in_turns()), page_types());
    run_.note_rows(count_changes(change_, page_values(from, to)));
    note_progress(to);
  });
  if (outcome == Outcome::kLocked) {
    change_carefully(from, to);
  } else {
    pace_.note(to - from, run_.last_ms());
  }
}

// Leaves out what others have locked; it is found again at the end.
void PageWalk::change_carefully(std::int64_t from, std::int64_t to) {
  core::Vector<ItemPointerData> places;
  const Outcome outcome = run_.batch(table_, [&] {
    if (!lock_.is_prepared()) lock_.prepare(lock_pages(facts_.shape, in_turns()), page_types());
    lock_.execute(page_values(from, to));
    places = take_places();
    run_.note_rows(change_at(places));
    note_progress(to);
  });
  if (outcome == Outcome::kDone) return;
  if (to - from == 1) {
    change_each(places);
    return;
  }
  const std::int64_t middle = from + (to - from) / 2;
  change_carefully(from, middle);
  change_carefully(middle, to);
}

// What can be locked may still wait for something else, such as a row that a foreign key points to.
void PageWalk::change_each(const core::Vector<ItemPointerData>& places) {
  for (const ItemPointerData& place : places) {
    (void)run_.batch(table_, [&] { run_.note_rows(change_at({place})); });
  }
}

std::int64_t PageWalk::change_at(const core::Vector<ItemPointerData>& places) {
  if (places.empty()) return 0;
  if (!change_places_.is_prepared()) {
    change_places_.prepare(change_places(facts_.shape), {TIDARRAYOID});
  }
  const ItemPointerData* data = places.data();
  const int count = int(places.size());
  const Datum array = pg::call([&] { return place_array(data, count); });
  return count_changes(change_places_, {array});
}

// In one snapshot, in which every row is at one place.
core::Vector<ItemPointerData> PageWalk::list_left() {
  core::Vector<ItemPointerData> places;
  run_.read([&] {
    if (!list_.is_prepared()) list_.prepare(list_places(facts_.shape, kMostListed), {});
    list_.execute({});
    places = take_places();
  });
  return places;
}

std::int64_t PageWalk::finish() {
  const double deadline = run_.now() + job_.options.max_lock_wait_ms;
  int rounds = 0, idle = 0;
  while (true) {
    run_.before_batch();
    const core::Vector<ItemPointerData> places = list_left();
    if (places.empty()) return 0;
    if (rounds >= kMostRounds) {
      notice_arrivals(places.size());
      return 0;
    }
    const std::int64_t done_before = job_.rows_done;
    for (std::size_t i = 0; i < places.size(); i += kPlacesOfBatch) {
      const auto end = places.begin() + std::ptrdiff_t(std::min(places.size(), i + kPlacesOfBatch));
      const core::Vector<ItemPointerData> some(places.begin() + std::ptrdiff_t(i), end);
      run_.before_batch();
      core::Vector<ItemPointerData> free;
      const Outcome outcome = run_.batch(table_, [&] {
        if (!lock_places_.is_prepared()) {
          lock_places_.prepare(lock_places(facts_.shape), {TIDARRAYOID});
        }
        const ItemPointerData* data = some.data();
        const int count = int(some.size());
        lock_places_.execute({pg::call([&] { return place_array(data, count); })});
        free = take_places();
        run_.note_rows(change_at(free));
      });
      if (outcome == Outcome::kLocked) change_each(free);
    }
    if (job_.rows_done > done_before) {
      rounds++;
      idle = 0;
      continue;
    }
    if (run_.now() >= deadline) return std::int64_t(places.size());
    run_.wait(Run::backoff(idle++), "rows that are locked");
  }
}

}  // namespace db_guard::batch
