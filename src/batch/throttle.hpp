// What keeps a batch job from its next batch.
#pragma once

#include "batch/job.hpp"

namespace db_guard::batch {

// Whether any of the throttles has to ask the server.
bool has_throttle(const Options& options);

// Why the next batch has to wait; empty where it need not. What cannot be found out is a reason to
// wait.
core::Text reason_to_wait(const Options& options);

}  // namespace db_guard::batch
