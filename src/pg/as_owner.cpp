#include "pg/as_owner.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/syscache.h"
}

namespace db_guard::pg {

namespace {

Oid owner_of_extension() {
  Oid owner = InvalidOid;
  read_syscache<Form_pg_namespace>(
      NAMESPACEOID, ObjectIdGetDatum(get_namespace_oid("db_guard", false)),
      [&](Form_pg_namespace form, HeapTuple) { owner = form->nspowner; });
  return owner;
}

}  // namespace

AsOwner::AsOwner() {
  const Oid owner = call([] { return owner_of_extension(); });
  GetUserIdAndSecContext(&user_, &context_);
  SetUserIdAndSecContext(owner, context_ | SECURITY_LOCAL_USERID_CHANGE);
}

AsOwner::~AsOwner() { SetUserIdAndSecContext(user_, context_); }

}  // namespace db_guard::pg
