// The settings of a script, followed without running it: SET, SET LOCAL and RESET, and the ends of
// transactions that take SET LOCAL back.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace db_guard::lint {

// Puts the script's settings in force while it is read. What they were comes back with forget(),
// and with the end of the transaction in case of an error. Nothing in here is a C++ object with a
// destructor, since it is used on both sides of the wall.
class ScriptSettings {
 public:
  // Plain server code.
  void begin();
  void forget();
  // A SET or RESET. Raises the server's error where the value is wrong.
  void follow(VariableSetStmt* statement) const;
  void follow(const TransactionStmt* statement);
  // A transaction block, unless one is open: false then.
  bool begin_block();
  void end_block(bool commits, bool chain);
  // The end of a file: what it left open is rolled back, what it set is forgotten.
  void end_file();

  [[nodiscard]] bool in_transaction_block() const { return transaction_level_ > 0; }

 private:
  int level_ = 0;
  int transaction_level_ = 0;  // 0: outside a transaction block
};

}  // namespace db_guard::lint
