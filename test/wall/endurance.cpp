// Many guarded calls in one entry, and what they leave in memory.
#include <malloc.h>

#include <chrono>

#include "core/error.hpp"
#include "pg/call.hpp"
#include "pg/entry.hpp"
#include "pg/subtransaction.hpp"
#include "wall.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(db_guard_wall_repeat);
PG_FUNCTION_INFO_V1(db_guard_wall_sizes);
}

namespace db_guard::wall {

namespace {

constexpr int kWarmUp = 1000;

struct Sizes {
  long contexts;
  long heap;
};

Sizes sizes() {
  const auto heap = mallinfo2();
  return {static_cast<long>(MemoryContextMemAllocated(TopMemoryContext, true)),
          static_cast<long>(heap.uordblks + heap.hblkhd)};
}

void good_call() {
  const int value = pg::call([] { return MyProcPid; });
  asm volatile("" : : "r"(value));
}

void bad_call() {
  try {
    pg::call([] { ereport(ERROR, (errmsg("swallowed"), errdetail("%d", MyProcPid))); });
  } catch (const pg::PgError&) {
  }
}

// The lawful way to swallow.
void swallowed_call() {
  try {
    pg::rolled_back([] {
      pg::call([] { ereport(ERROR, (errmsg("swallowed"), errdetail("%d", MyProcPid))); });
    });
  } catch (const pg::PgError&) {
  }
}

void quiet_subtransaction() {
  pg::rolled_back([] {});
}

void thrown_through_call() {
  try {
    pg::call([] { throw core::Error("22023", "a text too long for the string's own buffer"); });
  } catch (const core::Error&) {
  }
}

void entry_within_call() {
  pg::call([] { pg::enter([] { core::Vector<int> numbers(100); }); });
}

void (*find(const char* what))() {
  const std::string_view name(what);
  if (name == "good call") return good_call;
  if (name == "bad call") return bad_call;
  if (name == "swallowed call") return swallowed_call;
  if (name == "subtransaction") return quiet_subtransaction;
  if (name == "exception through a call") return thrown_through_call;
  if (name == "entry") return entry_within_call;
  throw core::Error("22023", "nothing to repeat under this name");
}

// The sizes after a warm-up and after `count` more, and nanoseconds a call. Measured inside the
// entry, so that what only its end would free counts as well.
core::Text repeat(const char* what, int count) {
  using Clock = std::chrono::steady_clock;
  void (*const one)() = find(what);
  for (int i = 0; i < kWarmUp; i++) one();
  const Sizes before = sizes();
  const auto start = Clock::now();
  for (int i = 0; i < count; i++) one();
  const std::chrono::duration<double, std::nano> spent = Clock::now() - start;
  const Sizes after = sizes();
  char line[200];
  std::snprintf(line, sizeof(line), "%ld %ld %ld %ld %.1f", before.contexts, before.heap,
                after.contexts, after.heap, spent.count() / count);
  return line;
}

}  // namespace

}  // namespace db_guard::wall

using namespace db_guard;

Datum db_guard_wall_repeat(PG_FUNCTION_ARGS) {
  const MemoryContext caller = CurrentMemoryContext;
  const char* what = wall::text_argument(fcinfo, 0);
  const int count = PG_GETARG_INT32(1);
  PG_RETURN_TEXT_P(pg::enter([&] { return wall::text_for(caller, wall::repeat(what, count)); }));
}

Datum db_guard_wall_sizes(PG_FUNCTION_ARGS) {
  const wall::Sizes now = wall::sizes();
  PG_RETURN_TEXT_P(cstring_to_text(psprintf("%ld %ld", now.contexts, now.heap)));
}
