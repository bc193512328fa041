#include "rowaudit/audit_sql.hpp"

namespace db_guard::rowaudit {

namespace {

int own_statements = 0;

}  // namespace

void run_own_statements(const List* statements) {
  own_statements++;
  PG_TRY();
  {
    as_log_owner([&] {
      for (int i = 0; i < list_length(statements); i++) {
        run_sql(static_cast<const char*>(list_nth(statements, i)));
      }
    });
  }
  PG_FINALLY();
  { own_statements--; }
  PG_END_TRY();
}

bool runs_own_statements() { return own_statements > 0; }

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
