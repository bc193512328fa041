#include "pg/spi.hpp"

#include "pg/search_path.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "utils/builtins.h"
}

namespace db_guard::pg {

namespace {

constexpr int kMaxParameters = 24;

struct Request {
  const char* sql;
  KeptPlan* kept;
  int parameters;
  Oid types[kMaxParameters];
  Datum values[kMaxParameters];
  char nulls[kMaxParameters + 1];
};

Rows copy_rows(MemoryContext target) {
  Rows result;
  result.rows = static_cast<int>(SPI_processed);
  result.columns = SPI_tuptable != nullptr ? SPI_tuptable->tupdesc->natts : 0;
  if (result.rows == 0 || result.columns == 0) return {};
  auto** cells = static_cast<const char**>(MemoryContextAllocHuge(
      target, sizeof(char*) * static_cast<Size>(result.rows) * static_cast<Size>(result.columns)));
  for (int row = 0; row < result.rows; row++) {
    for (int column = 0; column < result.columns; column++) {
      char* value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column + 1);
      cells[row * result.columns + column] =
          value != nullptr ? MemoryContextStrdup(target, value) : nullptr;
    }
  }
  result.cells = cells;
  return result;
}

int execute_kept(const Request& request) {
  SPIPlanPtr& plan = request.kept->plan;
  if (plan == nullptr) {
    SPIPlanPtr made = SPI_prepare_cursor(request.sql, request.parameters,
                                         const_cast<Oid*>(request.types), CURSOR_OPT_GENERIC_PLAN);
    if (made == nullptr) return SPI_result;
    if (SPI_keepplan(made) != 0) elog(ERROR, "SPI_keepplan failed");
    plan = made;
  }
  return SPI_execute_plan(plan, const_cast<Datum*>(request.values), request.nulls, false, 0);
}

int execute(const Request& request) {
  if (request.kept != nullptr) return execute_kept(request);
  return SPI_execute_with_args(request.sql, request.parameters, const_cast<Oid*>(request.types),
                               const_cast<Datum*>(request.values), request.nulls, false, 0);
}

Rows run(const Request& request, MemoryContext target) {
  const int nest_level = pin_search_path();
  // Our patterns hold backslashes, which a session may have made escapes.
  (void)set_config_option("standard_conforming_strings", "on", PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_SAVE, true, 0, false);
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  const int code = execute(request);
  if (code < 0) elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
  const Rows rows = copy_rows(target);
  SPI_finish();
  unpin_search_path(nest_level);
  return rows;
}

Rows run_query(const char* sql, std::initializer_list<const char*> parameters, KeptPlan* kept) {
  const auto* values = parameters.begin();
  const int count = static_cast<int>(parameters.size());
  return call([&] {
    if (count > kMaxParameters) elog(ERROR, "too many parameters");
    Request request{sql, kept, count, {}, {}, {}};
    for (int i = 0; i < count; i++) {
      request.types[i] = TEXTOID;
      request.nulls[i] = values[i] == nullptr ? 'n' : ' ';
      request.values[i] = values[i] == nullptr ? Datum(0) : CStringGetTextDatum(values[i]);
    }
    return run(request, CurrentMemoryContext);
  });
}

}  // namespace

Rows query(const char* sql, std::initializer_list<const char*> parameters) {
  return run_query(sql, parameters, nullptr);
}

Rows query(KeptPlan& plan, const char* sql, std::initializer_list<const char*> parameters) {
  return run_query(sql, parameters, &plan);
}

}  // namespace db_guard::pg
