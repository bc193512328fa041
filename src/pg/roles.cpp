#include "pg/roles.hpp"

#include "pg/prelude.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/acl.h"
}

namespace db_guard::pg {

bool caller_has_role(const char* role) {
  if (role == nullptr || *role == '\0') return true;
  const Oid user = GetOuterUserId();
  if (superuser_arg(user)) return true;
  const Oid id = get_role_oid(role, true);
  return OidIsValid(id) && is_member_of_role(user, id);
}

}  // namespace db_guard::pg
