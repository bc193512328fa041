// A limit on how long a piece of work may run.
#pragma once

#include "pg/call.hpp"

namespace db_guard::pg {

// Cancels the running query after `milliseconds`, from construction to destruction. The cancel
// arrives as PgError; expired() tells it from a cancel that the user asked for.
class TimeLimit {
 public:
  explicit TimeLimit(int milliseconds);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

  [[nodiscard]] static bool expired();
};

}  // namespace db_guard::pg
