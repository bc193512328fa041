#include "lint/work_rates.hpp"

#include <cstdlib>

#include "pg/spi.hpp"

namespace db_guard::lint {

namespace {

constexpr const char* kRates = "SELECT work, bytes_per_ms::text FROM db_guard.work_rates()";

}  // namespace

WorkRates read_work_rates() {
  WorkRates rates;
  const pg::Rows rows = pg::query(kRates);
  for (int i = 0; i < rows.rows; i++) {
    const double rate = std::strtod(rows.at(i, 1), nullptr);
    if (rows.text(i, 0) == "rewrite") rates.rewrite = rate;
    if (rows.text(i, 0) == "scan") rates.scan = rate;
    if (rows.text(i, 0) == "index build") rates.index_build = rate;
  }
  return rates;
}

double estimate(const WorkRates& rates, const effects::RelationEffect& effect, double bytes) {
  // A rewrite builds the indexes, too, and its rate was taken with them.
  double rate = effect.rewrite       ? rates.rewrite
                : effect.index_build ? rates.index_build
                                     : rates.scan;
  const bool works = effect.rewrite || effect.index_build || effect.scan || effect.fk_check;
  if (!works || rate <= 0) return -1;
  return bytes / rate;
}

}  // namespace db_guard::lint
