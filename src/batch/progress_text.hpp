// What a batch job says about its progress.
#pragma once

#include <cstdint>

#include "core/memory.hpp"

namespace db_guard::batch {

struct Progress {
  std::int64_t job;
  std::int64_t rows_done;
  double rows_seen;
  double rows_estimated;
  double running_ms;
};

// "batch job 7: 42 %, 420000 rows changed, 85000 rows/s, 7 s left"
core::Text progress_text(const Progress& progress);

}  // namespace db_guard::batch
