// How many rows, or pages, the next batch takes, so that each holds its locks for the asked time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace db_guard::batch {

class Pace {
 public:
  // target_ms 0: the size stays what it is.
  Pace(double target_ms, std::int64_t start) noexcept;

  [[nodiscard]] std::int64_t size() const noexcept { return size_; }

  // A batch of that many units took that long. One that waited for something counts as one among
  // several: the size follows the median of their costs.
  void note(std::int64_t units, double milliseconds) noexcept;

 private:
  static constexpr std::size_t kKept = 5;

  [[nodiscard]] double median_cost() const noexcept;

  double target_ms_;
  std::int64_t size_;
  std::array<double, kKept> costs_{};
  std::size_t noted_ = 0;
};

}  // namespace db_guard::batch
