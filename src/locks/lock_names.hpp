// Names of locks, and the keys that stand for them. Plain server code.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::locks {

struct LockName {
  std::int64_t key;
  // Its row in db_guard.lock_names is committed, so that the key is its for good.
  bool settled;
};

// Where the name's key is, or would be.
LockName find_lock_name(const char* name, int length);

// For the holder of the key: enters the name, unless it is there. False where another name has the
// key, and the caller has to look again.
bool enter_lock_name(const char* name, int length, std::int64_t key);

}  // namespace db_guard::locks
