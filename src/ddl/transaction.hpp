// What an open transaction has done so far: what the guard keeps between two statements, and what a
// linter works out from the statements of a script.
#pragma once

#include <cstdint>

#include "ddl/lock.hpp"
#include "ddl/statement.hpp"

namespace db_guard::ddl {

struct Effects;
class Facts;

// A relation that earlier statements of the transaction have locked or changed. Whether it is there
// still, and was there before the transaction, only the catalogs know.
struct Touched {
  std::uint32_t relation = 0;
  Lock lock = Lock::kNone;          // the strongest that is held
  std::int64_t held_ms = -1;        // for how long; below 0 when not known
  std::uint64_t bytes_written = 0;  // since the lock is held
  bool foreign_keys_added = false;
  bool triggers_disabled = false;
};

// A plain value of fixed size: the guard keeps one for the life of the session, and a linter copies
// it at a savepoint.
class Transaction {
 public:
  // What goes beyond is forgotten: the first locks are those that are held longest.
  static constexpr std::size_t kMost = 64;

  bool predicted = false;  // worked out from a script, whose statements have not been run

  [[nodiscard]] const Touched* begin() const { return touched_; }
  [[nodiscard]] const Touched* end() const { return touched_ + count_; }
  [[nodiscard]] Touched* begin() { return touched_; }
  [[nodiscard]] Touched* end() { return touched_ + count_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  void forget() { count_ = 0; }

  // The entry of a relation, a new one where there is none; nullptr where there is no room.
  Touched* touch(std::uint32_t relation);

  // A statement that has been let pass: the locks that block writes, the keys it adds, the triggers
  // it disables and enables. Of a change of data the rows, when it is a script's.
  void note(const Statement& statement, const Effects& effects, Facts& facts);

  // kNone where the transaction has not touched it.
  [[nodiscard]] Lock lock_on(std::uint32_t relation) const;
  // On any relation, one that blocks writes.
  [[nodiscard]] bool holds_locks() const;

 private:
  void note_rows(const Effects& effects, Facts& facts);

  Touched touched_[kMost] = {};
  std::size_t count_ = 0;
};

}  // namespace db_guard::ddl
