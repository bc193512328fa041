// The ladder of run_with_retries: how long each attempt waits for a lock, and the pause behind it.
#pragma once

namespace db_guard::locks {

struct Ladder {
  double first_ms;
  double most_ms;
  double longest_pause_ms;
};

// Attempts are counted from 0. Short at first: while a strong lock is waited for, everybody else
// who wants the table waits, too.
double lock_timeout_of(const Ladder& ladder, int attempt);

// chance, from 0 to 1, spreads those who began together.
double pause_behind(const Ladder& ladder, int attempt, double chance);

}  // namespace db_guard::locks
