// The extension's own tables, for callers who have no right on them.
#pragma once

#include "pg/call.hpp"

namespace db_guard::pg {

// From construction to destruction, statements run with the rights of the extension's owner. Only
// for statements of our own, through pg::query, which nothing of the caller's can reach.
class AsOwner {
 public:
  AsOwner();
  ~AsOwner();
  AsOwner(const AsOwner&) = delete;
  AsOwner& operator=(const AsOwner&) = delete;

 private:
  Oid user_ = InvalidOid;
  int context_ = 0;
};

}  // namespace db_guard::pg
