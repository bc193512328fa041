#include "locks/retries.hpp"

#include <algorithm>
#include <cmath>

namespace db_guard::locks {

namespace {

// The others get this many times as long to catch up.
constexpr double kBreath = 5;

}  // namespace

double lock_timeout_of(const Ladder& ladder, int attempt) {
  const double doubled = ladder.first_ms * std::pow(2.0, std::clamp(attempt, 0, 30));
  return std::min(doubled, ladder.most_ms);
}

double pause_behind(const Ladder& ladder, int attempt, double chance) {
  const double pause = lock_timeout_of(ladder, attempt) * kBreath;
  return std::min(pause, ladder.longest_pause_ms) * (0.5 + chance / 2);
}

}  // namespace db_guard::locks
