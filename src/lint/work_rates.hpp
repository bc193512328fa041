// How fast this server has done such work before: the only ground that a time can be estimated on.
#pragma once

#include "effects/prediction.hpp"

namespace db_guard::lint {

// Bytes of the table a millisecond, the median of what db_guard.ddl_log remembers; 0: no
// experience.
struct WorkRates {
  double rewrite = 0;
  double scan = 0;
  double index_build = 0;
};

WorkRates read_work_rates();

// Milliseconds; below 0 where there is nothing to estimate, or nothing to estimate it by.
double estimate(const WorkRates& rates, const effects::RelationEffect& effect, double bytes);

}  // namespace db_guard::lint
