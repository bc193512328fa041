// What the rules about roles and settings of the whole server ask.
#include "ddl/catalog_facts.hpp"
#include "pg/arena.hpp"
#include "pg/call.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "catalog/pg_parameter_acl.h"
#include "miscadmin.h"
#include "utils/acl.h"
}

namespace db_guard::ddl {

namespace {

int count_sessions_of(const char* role) {
  const Oid id = get_role_oid(role, true);
  if (!OidIsValid(id)) return 0;
  pgstat_clear_backend_activity_snapshot();
  const int backends = pgstat_fetch_stat_numbackends();
  int sessions = 0;
  for (int i = 1; i <= backends; i++) {
    const PgBackendStatus* status = pg::backend_status(i);
    const bool client = status != nullptr && status->st_backendType == B_BACKEND;
    if (client && status->st_procpid != MyProcPid && status->st_userid == id) sessions++;
  }
  return sessions;
}

}  // namespace

bool CatalogFacts::is_superuser() {
  return pg::call([] { return superuser(); });
}

bool CatalogFacts::may_alter_system(std::string_view setting) {
  const char* name = pg::copy_text(setting);
  return pg::call(
      [&] { return pg_parameter_aclcheck(name, GetUserId(), ACL_ALTER_SYSTEM) == ACLCHECK_OK; });
}

int CatalogFacts::sessions_of_role(std::string_view role) {
  const char* name = pg::copy_text(role);
  return pg::call([&] { return count_sessions_of(name); });
}

}  // namespace db_guard::ddl
