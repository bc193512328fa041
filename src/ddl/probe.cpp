#include "ddl/probe.hpp"

#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "utils/guc.h"
}

namespace db_guard::ddl {

AsOwner::AsOwner(Oid relation) {
  pg::call([&] {
    GetUserIdAndSecContext(&user_, &context_);
    Oid owner = user_;
    pg::read_syscache<Form_pg_class>(RELOID, ObjectIdGetDatum(relation),
                                     [&](auto* form, HeapTuple) { owner = form->relowner; });
    SetUserIdAndSecContext(owner, context_ | SECURITY_RESTRICTED_OPERATION);
  });
}

AsOwner::~AsOwner() { SetUserIdAndSecContext(user_, context_); }

bool lock_all_without_waiting(const Relation& relation) {
  const Oid id = relation.id;
  const bool with_children = relation.has_children;
  return pg::call([&] {
    if (!lock_without_waiting(id)) return false;
    if (!with_children) return true;
    ListCell* cell = nullptr;
    foreach (cell, find_all_inheritors(id, NoLock, nullptr)) {
      if (!lock_without_waiting(lfirst_oid(cell))) return false;
    }
    return true;
  });
}

void refuse_to_see_less() {
  pg::call([] {
    (void)set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
                            true, 0, false);
  });
}

}  // namespace db_guard::ddl
