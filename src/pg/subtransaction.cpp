#include "pg/subtransaction.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace db_guard::pg {

Subtransaction Subtransaction::begin() {
  Subtransaction subtransaction;
  subtransaction.memory_ = CurrentMemoryContext;
  subtransaction.owner_ = CurrentResourceOwner;
  call([&] { BeginInternalSubTransaction(nullptr); });
  MemoryContextSwitchTo(subtransaction.memory_);
  return subtransaction;
}

void Subtransaction::roll_back() const {
  call([] { RollbackAndReleaseCurrentSubTransaction(); });
  return_to_outer();
}

void Subtransaction::release() const {
  call([] { ReleaseCurrentSubTransaction(); });
  return_to_outer();
}

void Subtransaction::return_to_outer() const {
  MemoryContextSwitchTo(memory_);
  CurrentResourceOwner = static_cast<ResourceOwner>(owner_);
}

}  // namespace db_guard::pg
