#include "batch/pace.hpp"

#include <algorithm>

namespace db_guard::batch {

namespace {

// One step must not turn a mistaken measurement into a batch of minutes.
constexpr double kMostGrowth = 10;
constexpr double kLargest = 1e6;

}  // namespace

Pace::Pace(double target_ms, std::int64_t start) noexcept
    : target_ms_(target_ms), size_(std::max<std::int64_t>(start, 1)) {}

void Pace::note(std::int64_t units, double milliseconds) noexcept {
  if (target_ms_ <= 0 || units <= 0) return;
  costs_[noted_ % kKept] = std::max(milliseconds, 0.001) / double(units);
  noted_++;
  const double limit = std::min(double(size_) * kMostGrowth, kLargest);
  const double wanted = target_ms_ / median_cost();
  // A batch that was cut short by the end of a window says little about much larger ones.
  size_ = std::max<std::int64_t>(1, std::int64_t(std::min(wanted, limit)));
}

double Pace::median_cost() const noexcept {
  std::array<double, kKept> sorted = costs_;
  const std::size_t count = std::min(noted_, kKept);
  std::sort(sorted.begin(), sorted.begin() + std::ptrdiff_t(count));
  return sorted[count / 2];
}

}  // namespace db_guard::batch
