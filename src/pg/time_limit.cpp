#include "pg/time_limit.hpp"

extern "C" {
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timeout.h"
}

namespace db_guard::pg {

namespace {

// The server has a fixed number of places for timeouts: one is taken on first use and kept.
TimeoutId timeout = MAX_TIMEOUTS;
volatile sig_atomic_t has_expired = 0;

void on_expiry() {
  has_expired = 1;
  QueryCancelPending = true;
  InterruptPending = true;
  SetLatch(MyLatch);
}

}  // namespace

TimeLimit::TimeLimit(int milliseconds) {
  has_expired = 0;
  call([&] {
    if (timeout == MAX_TIMEOUTS) timeout = RegisterTimeout(USER_TIMEOUT, on_expiry);
    enable_timeout_after(timeout, milliseconds);
  });
}

TimeLimit::~TimeLimit() {
  // Only clears an entry of a table and the timer; it cannot fail.
  disable_timeout(timeout, false);
  // A cancel of ours that nobody has noticed must not hit the statement that comes next.
  if (has_expired != 0) QueryCancelPending = false;
}

bool TimeLimit::expired() { return has_expired != 0; }

}  // namespace db_guard::pg
