// Batch jobs in a background worker, which goes on when the client is gone.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::batch {

// Plain server code. Has a worker run the job, as the current role, once this transaction has
// committed. False where no worker is free.
bool launch_worker(std::int64_t job);

}  // namespace db_guard::batch
