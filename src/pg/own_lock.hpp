// Locks of the extension's own: advisory locks that no pg_advisory_lock() can collide with.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace db_guard::pg {

// The server's own functions use 1 and 2; pg_locks shows it as objsubid, a smallint.
enum class LockSpace : std::uint16_t { kNamed = 0x4447, kBatchJob = 0x4448 };

inline LOCKTAG own_lock_tag(LockSpace space, std::int64_t key) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(static_cast<uint64>(key) >> 32),
                       static_cast<uint32>(key), static_cast<uint16>(space));
  return tag;
}

}  // namespace db_guard::pg
