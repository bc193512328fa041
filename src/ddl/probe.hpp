// A look at the rows themselves: brief, without waiting for anybody, as the owner of the table.
#pragma once

#include "ddl/facts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

// Long enough for a million rows, short enough for somebody who waits for an answer.
constexpr int kProbeMilliseconds = 500;
constexpr int kMostExamples = 3;

// Casts and operators of the types run here, as they would under the statement: as the table's
// owner, with no way to act for the caller.
class AsOwner {
 public:
  explicit AsOwner(Oid relation);
  ~AsOwner();
  AsOwner(const AsOwner&) = delete;
  AsOwner& operator=(const AsOwner&) = delete;

 private:
  Oid user_ = InvalidOid;
  int context_ = 0;
};

// Partitions and children too: the probe would wait for each of them.
bool lock_all_without_waiting(const Relation& relation);

// Forced row-level security would hide rows even from the owner, and "nothing found" would be a
// lie. With row_security off the server raises instead. Undone with the subtransaction.
void refuse_to_see_less();

}  // namespace db_guard::ddl
