// What this transaction has locked before, seen or unseen by the guard: asked of the server.
#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace db_guard::ddl {

Lock own_lock(Oid relation) {
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relation);
  for (LOCKMODE mode = AccessExclusiveLock; mode >= ShareLock; mode--) {
    if (pg::holds_lock(tag, mode)) return static_cast<Lock>(mode);
  }
  return Lock::kNone;
}

Lock CatalogFacts::held_lock(const Relation& relation) {
  const Oid id = relation.id;
  return pg::call([&] { return own_lock(id); });
}

}  // namespace db_guard::ddl
