#include "rowaudit/audit_sql.hpp"

namespace db_guard::rowaudit {

void run_sql(const char* sql) {
  const int code = SPI_execute(sql, false, 0);
  if (code < 0) elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(code));
}

uint64 run_sql_with(const char* sql, const Arguments& arguments) {
  const int code =
      SPI_execute_with_args(sql, arguments.count, const_cast<Oid*>(arguments.types),
                            const_cast<Datum*>(arguments.values), arguments.nulls, false, 0);
  if (code < 0) elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(code));
  return SPI_processed;
}

}  // namespace db_guard::rowaudit
