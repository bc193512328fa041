#include "pg/procedure.hpp"

#include "pg/arena.hpp"

extern "C" {
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "tcop/pquery.h"
}

namespace db_guard::pg {

bool may_commit(FunctionCallInfo fcinfo) {
  return fcinfo->context != nullptr && IsA(fcinfo->context, CallContext) &&
         !reinterpret_cast<CallContext*>(fcinfo->context)->atomic;
}

Procedure::Procedure() {
  const MemoryContext before = CurrentMemoryContext;
  call([] {
    if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  });
  MemoryContextSwitchTo(before);
}

void Procedure::finish() {
  const MemoryContext before = CurrentMemoryContext;
  call([] { SPI_finish(); });
  MemoryContextSwitchTo(before);
}

void Procedure::commit() {
  fresh_ = true;
  call([] { SPI_commit(); });
}

bool Procedure::begins_transaction() noexcept { return std::exchange(fresh_, false); }

Prepared::~Prepared() {
  if (plan_ == nullptr) return;
  try {
    call([this] { SPI_freeplan(plan_); });
  } catch (...) {
    // It stays until the session ends.
    plan_ = nullptr;
  }
}

void Prepared::prepare(const core::Text& sql, const core::Vector<Oid>& types) {
  if (plan_ != nullptr) return;
  const Oid* given = types.data();
  const int count = static_cast<int>(types.size());
  plan_ = call([&] {
    SPIPlanPtr plan =
        SPI_prepare_cursor(sql.c_str(), count, const_cast<Oid*>(given), CURSOR_OPT_GENERIC_PLAN);
    if (plan == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    if (SPI_keepplan(plan) != 0) elog(ERROR, "SPI_keepplan failed");
    return plan;
  });
}

std::uint64_t Prepared::execute(const core::Vector<Datum>& values) const {
  const Datum* given = values.data();
  const SPIPlanPtr plan = plan_;
  return call([&] {
    const int code = SPI_execute_plan(plan, const_cast<Datum*>(given), nullptr, false, 0);
    if (code < 0) elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
    return std::uint64_t(SPI_processed);
  });
}

namespace {

ParamListInfo parameters_of(SPIPlanPtr plan, const Datum* values) {
  const int count = SPI_getargcount(plan);
  if (count == 0) return nullptr;
  ParamListInfo list = makeParamList(count);
  for (int i = 0; i < count; i++) {
    list->params[i] = {values[i], false, PARAM_FLAG_CONST, SPI_getargtypeid(plan, i)};
  }
  return list;
}

}  // namespace

void Prepared::execute_into(DestReceiver& receiver, const core::Vector<Datum>& values) const {
  const Datum* given = values.data();
  const SPIPlanPtr plan = plan_;
  call([&] {
    SPIExecuteOptions options{};
    options.params = parameters_of(plan, given);
    options.dest = &receiver;
    const int code = SPI_execute_plan_extended(plan, &options);
    if (code < 0) elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
  });
}

void free_rows() {
  call([] {
    if (SPI_tuptable != nullptr) SPI_freetuptable(SPI_tuptable);
  });
}

}  // namespace db_guard::pg
