// The transactions of a script that is read, not run: where they begin and end, what each has done
// so far, and what is wrong with them.
#pragma once

#include "ddl/effects.hpp"
#include "ddl/transaction.hpp"

namespace db_guard::ddl {

// What the server would only warn of, while the script goes on in another way than its author
// thinks.
enum class TransactionSlip : std::uint8_t {
  kNone,
  kNested,         // BEGIN in a transaction: the inner COMMIT ends the outer one
  kNothingToEnd,   // COMMIT, ROLLBACK or PREPARE TRANSACTION outside a transaction
  kNoSavepoint,    // ROLLBACK TO or RELEASE of a savepoint that is not there, or no transaction
  kNeverCommitted  // the script ends in a transaction: all of it is rolled back
};

// One line that says so.
std::string_view words_of(TransactionSlip slip);

class ScriptTransaction {
 public:
  ScriptTransaction() { now_.predicted = true; }

  [[nodiscard]] bool in_block() const { return in_block_; }
  // For Facts::transaction().
  [[nodiscard]] const Transaction& now() const { return now_; }

  TransactionSlip begin();
  // Also PREPARE TRANSACTION.
  TransactionSlip commit(bool chain = false);
  TransactionSlip roll_back(bool chain = false);
  TransactionSlip savepoint(std::string_view name);
  TransactionSlip roll_back_to(std::string_view name);
  TransactionSlip release(std::string_view name);
  TransactionSlip end_of_script();

  // After its rules have been asked. Outside a block the statement is a transaction of its own.
  void note(const Statement& statement, const Effects& effects, Facts& facts);
  void end_of_statement() {
    if (!in_block_) now_.forget();
  }

  // Statements that later ones have to know of are counted; so many of them have not been rolled
  // back.
  void count_statement() { standing_++; }
  [[nodiscard]] std::size_t standing() const { return standing_; }

 private:
  struct Savepoint {
    Text name;
    Transaction before;
    std::size_t standing;
  };
  TransactionSlip end(bool chain);
  [[nodiscard]] std::size_t find(std::string_view name) const;

  bool in_block_ = false;
  std::size_t standing_ = 0;
  std::size_t standing_at_begin_ = 0;
  Transaction now_;
  Vector<Savepoint> savepoints_;
};

}  // namespace db_guard::ddl
