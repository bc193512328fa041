// Table lock modes, as pg_locks.mode names them.
#pragma once

#include <cstdint>
#include <string_view>

namespace db_guard::ddl {

// The numbers are the server's, weakest first.
enum class Lock : std::uint8_t {
  kNone = 0,
  kAccessShare = 1,
  kRowShare = 2,
  kRowExclusive = 3,
  kShareUpdateExclusive = 4,
  kShare = 5,
  kShareRowExclusive = 6,
  kExclusive = 7,
  kAccessExclusive = 8,
};

// As SQL spells it: "ACCESS EXCLUSIVE".
constexpr std::string_view lock_name(Lock lock) {
  constexpr std::string_view kNames[] = {
      "no lock", "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
      "SHARE",   "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};
  return kNames[static_cast<std::size_t>(lock)];
}

// As pg_locks.mode spells it: "AccessExclusiveLock".
constexpr std::string_view lock_mode(Lock lock) {
  constexpr std::string_view kNames[] = {"",
                                         "AccessShareLock",
                                         "RowShareLock",
                                         "RowExclusiveLock",
                                         "ShareUpdateExclusiveLock",
                                         "ShareLock",
                                         "ShareRowExclusiveLock",
                                         "ExclusiveLock",
                                         "AccessExclusiveLock"};
  return kNames[static_cast<std::size_t>(lock)];
}

// INSERT, UPDATE and DELETE take ROW EXCLUSIVE; SHARE and above conflict with it.
constexpr bool blocks_writes(Lock lock) { return lock >= Lock::kShare; }
constexpr bool blocks_reads(Lock lock) { return lock == Lock::kAccessExclusive; }

// Who waits, in words.
constexpr std::string_view who_waits(Lock lock) {
  if (blocks_reads(lock)) return "reads and writes wait";
  return blocks_writes(lock) ? "writes wait" : "reads and writes go on";
}

}  // namespace db_guard::ddl
