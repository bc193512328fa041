#include "guard/transaction_state.hpp"

#include "guard/judge.hpp"
#include "pg/call.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/timestamp.h"
}

namespace db_guard::guard {

namespace {

// Places run alongside those of the transaction's list.
struct State {
  ddl::Transaction transaction;
  TimestampTz locked_at[ddl::Transaction::kMost];
  PgStat_Counter rows_before[ddl::Transaction::kMost];  // written before it was locked
};
State state{};

void forget() { state.transaction.forget(); }

PgStat_Counter rows_since_lock(std::size_t place, Oid relation) {
  return Max(pg::rows_written(relation) - state.rows_before[place], 0);
}

// For a table that was never analysed.
constexpr double kUsualRow = 100;

std::uint64_t bytes_of_rows(Oid relation, PgStat_Counter rows) {
  if (rows == 0) return 0;
  double known_rows = -1;
  const std::uint64_t bytes = ddl::bytes_of(relation, &known_rows);
  const double width = known_rows > 0 ? double(bytes) / known_rows : kUsualRow;
  return std::uint64_t(double(rows) * width);
}

bool needs_a_look(const ddl::Touched& touched, std::size_t place) {
  if (touched.foreign_keys_added || touched.triggers_disabled) return true;
  return blocks_writes(touched.lock) && rows_since_lock(place, touched.relation) > 0;
}

// Most transactions with DDL end here: nothing is worth a question.
bool is_worth_judging() {
  const ddl::Transaction& transaction = state.transaction;
  for (std::size_t place = 0; place < transaction.size(); place++) {
    if (needs_a_look(transaction.begin()[place], place)) return true;
  }
  return false;
}

void at_transaction_event(XactEvent event, void*) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
      if (is_worth_judging()) judge_transaction();
      break;
    case XACT_EVENT_PARALLEL_PRE_COMMIT:
      break;
    default:
      forget();
  }
}

}  // namespace

void keep_transaction(const ddl::Transaction& before, const ddl::Transaction& after) {
  for (std::size_t place = 0; place < after.size(); place++) {
    const ddl::Touched& touched = after.begin()[place];
    const bool was_locked = place < before.size() && before.begin()[place].lock != ddl::Lock::kNone;
    if (was_locked) continue;
    state.locked_at[place] = GetCurrentStatementStartTimestamp();
    state.rows_before[place] = pg::rows_written(touched.relation);
  }
  state.transaction = after;
}

bool is_anything_noted() { return state.transaction.size() > 0; }

ddl::Transaction current_transaction() {
  ddl::Transaction now = state.transaction;
  for (std::size_t place = 0; place < now.size(); place++) {
    ddl::Touched& touched = now.begin()[place];
    touched.lock = ddl::own_lock(touched.relation);
    if (touched.lock == ddl::Lock::kNone) continue;
    touched.held_ms = (GetCurrentTimestamp() - state.locked_at[place]) / 1000;
    touched.bytes_written =
        bytes_of_rows(touched.relation, rows_since_lock(place, touched.relation));
  }
  return now;
}

void watch_transactions() { RegisterXactCallback(at_transaction_event, nullptr); }

}  // namespace db_guard::guard
