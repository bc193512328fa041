// Internal subtransactions: the only place where a server error may be swallowed.
#pragma once

#include "pg/call.hpp"

namespace db_guard::pg {

// A subtransaction that the wall ends.
class Subtransaction {
 public:
  // Begins it; the current memory context stays what it was.
  static Subtransaction begin();
  // Rolls it back: locks taken, changes made and resources opened inside are gone after.
  void roll_back() const;
  // Keeps what was done inside.
  void release() const;

 private:
  void return_to_outer() const;

  MemoryContext memory_ = nullptr;
  void* owner_ = nullptr;
};

// Runs the body in a subtransaction that is always rolled back. An exception out of the body passes
// on after the rollback, so the caller may swallow it.
template <class Body>
void rolled_back(Body&& body) {
  const Subtransaction subtransaction = Subtransaction::begin();
  try {
    body();
  } catch (...) {
    subtransaction.roll_back();
    throw;
  }
  subtransaction.roll_back();
}

// Runs the body in a subtransaction that stays unless an exception leaves the body.
template <class Body>
void in_subtransaction(Body&& body) {
  const Subtransaction subtransaction = Subtransaction::begin();
  try {
    body();
    subtransaction.release();
  } catch (...) {
    subtransaction.roll_back();
    throw;
  }
}

}  // namespace db_guard::pg
