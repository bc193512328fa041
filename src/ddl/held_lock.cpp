// What this transaction has locked before.
#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"

extern "C" {
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::ddl {

namespace {

LOCKMODE strongest_lock(Oid id) {
  ::Relation relation = RelationIdGetRelation(id);
  if (relation == nullptr) return NoLock;
  LOCKMODE mode = MaxLockMode;
  while (mode > NoLock && !CheckRelationLockedByMe(relation, mode, false)) mode--;
  RelationClose(relation);
  return mode;
}

}  // namespace

Lock strongest_held_lock(const Relation& relation) {
  const Oid id = relation.id;
  return static_cast<Lock>(pg::call([&] { return strongest_lock(id); }));
}

}  // namespace db_guard::ddl
