// Taking and giving back a named lock. Plain server code, but for what says so.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace db_guard::locks {

enum class Scope { kTransaction, kSession };

struct Wish {
  const char* name;
  int length;
  Scope scope;
  // In milliseconds; 0 waits for as long as it takes, below 0 not at all.
  double timeout_ms;
};

// The argument of a function; an error where it is no name.
Wish wish_of(Datum name, bool is_null, Scope scope, double timeout_ms);

// True when it is ours. False only for a wish that does not wait; one that has waited in vain is an
// error, which names the holder.
bool take_lock(const Wish& wish);

// False when this session does not hold it.
bool release_session_lock(const Wish& wish);

}  // namespace db_guard::locks
