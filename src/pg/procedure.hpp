// Procedures that commit: SPI over several transactions.
#pragma once

#include "core/memory.hpp"
#include "pg/call.hpp"

extern "C" {
#include "executor/spi.h"
#include "tcop/dest.h"
}

namespace db_guard::pg {

// Plain server code. Whether a procedure may commit where it was called.
bool may_commit(FunctionCallInfo fcinfo);

// The connection of a procedure that may commit. Where an error leaves the procedure the server
// closes it.
class Procedure {
 public:
  Procedure();
  void finish();

  // Ends the transaction and begins the next one, which has no snapshot yet. Where the commit fails
  // the next one has begun, too.
  void commit();

  // Changes of settings that end with each transaction have to be made anew: true once in each.
  [[nodiscard]] bool begins_transaction() noexcept;

 private:
  bool fresh_ = true;
};

// A statement that is planned once and runs in many transactions.
class Prepared {
 public:
  Prepared() = default;
  ~Prepared();
  Prepared(Prepared&& other) noexcept : plan_(std::exchange(other.plan_, nullptr)) {}
  Prepared& operator=(Prepared&& other) noexcept {
    std::swap(plan_, other.plan_);
    return *this;
  }

  void prepare(const core::Text& sql, const core::Vector<Oid>& types);
  [[nodiscard]] bool is_prepared() const noexcept { return plan_ != nullptr; }

  // Runs it with a new snapshot; the rows are in SPI_tuptable. No parameter is NULL.
  std::uint64_t execute(const core::Vector<Datum>& values) const;
  // The same, but the receiver is handed the rows as they come, in the memory of the executor.
  void execute_into(DestReceiver& receiver, const core::Vector<Datum>& values) const;

 private:
  SPIPlanPtr plan_ = nullptr;
};

// Frees the rows of the last execute().
void free_rows();

}  // namespace db_guard::pg
