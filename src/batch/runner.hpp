// Runs a batch job from where it is to its end.
#pragma once

#include "batch/job.hpp"
#include "pg/procedure.hpp"

namespace db_guard::batch {

// Reads the target and checks everything that can be checked before the first batch; fills segments
// and estimate.
void prepare_job(Job& job);

// Runs it in this session, which must be allowed to commit. What ends it early is written down and
// thrown on.
void run_job(Job& job, pg::Procedure& procedure);

// The walk through one of its tables, as it would be taken now.
Choice walk_of(const Job& job, const TableFacts& facts);

}  // namespace db_guard::batch
