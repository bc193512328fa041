#include "pg/spi.hpp"

#include "pg/search_path.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/builtins.h"
}

namespace db_guard::pg {

namespace {

constexpr int kMaxParameters = 24;

struct Request {
  const char* sql;
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

// Parsing and planning a look at the catalogs takes several times as long as running it. What has
// parameters is the same text each time; what has none names an object in its text and may never
// come again.
struct KeptPlan {
  uint32 hash;
  const char* sql;
  SPIPlanPtr plan;
};

constexpr int kMostPlans = 100;
KeptPlan kept_plans[kMostPlans];
int kept = 0;

SPIPlanPtr find_plan(const char* sql, uint32 hash) {
  for (int i = 0; i < kept; i++) {
    if (kept_plans[i].hash == hash && strcmp(kept_plans[i].sql, sql) == 0) {
      return kept_plans[i].plan;
    }
  }
  return nullptr;
}

// One plan for all values: the rows of a key of the catalogs are few, whatever the key.
SPIPlanPtr prepare(const Request& request) {
  SPIPlanPtr plan = SPI_prepare_cursor(request.sql, request.parameters,
                                       const_cast<Oid*>(request.types), CURSOR_OPT_GENERIC_PLAN);
  if (plan == nullptr) elog(ERROR, "SPI failed: %s", SPI_result_code_string(SPI_result));
  return plan;
}

SPIPlanPtr plan_of(const Request& request) {
  const uint32 hash =
      hash_bytes(reinterpret_cast<const unsigned char*>(request.sql), int(strlen(request.sql)));
  SPIPlanPtr plan = find_plan(request.sql, hash);
  if (plan != nullptr) return plan;
  plan = prepare(request);
  if (kept == kMostPlans) return plan;
  const char* sql = MemoryContextStrdup(TopMemoryContext, request.sql);
  if (SPI_keepplan(plan) != 0) elog(ERROR, "SPI_keepplan failed");
  kept_plans[kept++] = {hash, sql, plan};
  return plan;
}

int execute(const Request& request) {
  if (request.parameters == 0) return SPI_execute(request.sql, false, 0);
  return SPI_execute_plan(plan_of(request), const_cast<Datum*>(request.values), request.nulls,
                          false, 0);
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

Rows run_with(const char* sql, std::initializer_list<const char*> parameters,
              MemoryContext target) {
  const int count = static_cast<int>(parameters.size());
  if (count > kMaxParameters) elog(ERROR, "too many parameters");
  const auto* values = parameters.begin();
  Request request{sql, count, {}, {}, {}};
  for (int i = 0; i < count; i++) {
    request.types[i] = TEXTOID;
    request.nulls[i] = values[i] == nullptr ? 'n' : ' ';
    request.values[i] = values[i] == nullptr ? Datum(0) : CStringGetTextDatum(values[i]);
  }
  return run(request, target);
}

QueryMemory* memory = nullptr;

// Lengths keep apart what values would run together, and NULL from the empty text.
std::string key_of(const char* sql, std::initializer_list<const char*> parameters) {
  std::string key(sql);
  for (const char* value : parameters) {
    key.append(value != nullptr ? " " + std::to_string(strlen(value)) + " " : " -");
    if (value != nullptr) key.append(value);
  }
  return key;
}

}  // namespace

QueryMemory::QueryMemory()
    : context_(call([] {
        return AllocSetContextCreate(CurrentMemoryContext, "db_guard query memory",
                                     ALLOCSET_DEFAULT_SIZES);
      })),
      outer_(memory) {
  memory = this;
}

QueryMemory::~QueryMemory() {
  memory = outer_;
  MemoryContextDelete(context_);
}

Rows query(const char* sql, std::initializer_list<const char*> parameters) {
  if (memory == nullptr) {
    return call([&] { return run_with(sql, parameters, CurrentMemoryContext); });
  }
  std::string key = key_of(sql, parameters);
  const auto known = memory->answers_.find(key);
  if (known != memory->answers_.end()) return known->second;
  const Rows rows = call([&] { return run_with(sql, parameters, memory->context_); });
  memory->answers_.emplace(std::move(key), rows);
  return rows;
}

}  // namespace db_guard::pg
