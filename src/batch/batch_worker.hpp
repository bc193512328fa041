// Batch jobs in a background worker, which goes on when the client is gone.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::batch {

// Plain server code. Has a worker run the job, as the current role, once this transaction has
// committed. False where no worker is free.
bool launch_worker(std::int64_t job);

// The same for any role. What started it must have committed, or the job is left alone; invalid
// where the job is there already.
bool start_worker(std::int64_t job, Oid role, TransactionId started_by);

}  // namespace db_guard::batch
