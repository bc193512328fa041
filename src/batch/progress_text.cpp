#include "batch/progress_text.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace db_guard::batch {

core::Text progress_text(const Progress& progress) {
  using core::concat;
  using core::number;
  core::Text text = concat({"batch job ", number(progress.job), ": "});
  const bool known = progress.rows_estimated > 0;
  if (known) {
    const double percent = std::min(99.0, 100 * progress.rows_seen / progress.rows_estimated);
    text.append(concat({number(std::int64_t(percent)), " %, "}));
  }
  text.append(concat({number(progress.rows_done), " rows changed"}));
  if (progress.running_ms <= 0) return text;
  const double seconds = progress.running_ms / 1000;
  text.append(
      concat({", ", number(std::int64_t(double(progress.rows_done) / seconds)), " rows/s"}));
  if (!known || progress.rows_seen <= 0) return text;
  const double left = std::max(0.0, progress.rows_estimated - progress.rows_seen);
  const double milliseconds = left / progress.rows_seen * progress.running_ms;
  text.append(concat({", ", core::pretty_duration(std::int64_t(milliseconds)), " left"}));
  return text;
}

}  // namespace db_guard::batch
