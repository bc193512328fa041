#include "rowaudit/audit_tables.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace db_guard::rowaudit {

namespace {

constexpr int kRelations = static_cast<int>(OwnRelation::kCount);
const char* const kNames[kRelations] = {"audit_clock",       "audit_number",  "audit_event",
                                        "audit_transaction", "audited_table", "audit_shape"};

Oid found[kRelations];
bool watching = false;

void forget_relation(Datum, Oid relation) {
  for (Oid& id : found) {
    if (id == relation || !OidIsValid(relation)) id = InvalidOid;
  }
}

Oid look_up(const char* name) {
  const Oid schema = get_namespace_oid("db_guard", true);
  const Oid id = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
  if (!OidIsValid(id)) {
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("db_guard.%s does not exist", name),
             errdetail("Row audit keeps its log there."),
             errhint("Was the extension dropped while this session used it? CREATE EXTENSION "
                     "db_guard makes it again.")));
  }
  return id;
}

}  // namespace

void watch_relations() {
  if (watching) return;
  CacheRegisterRelcacheCallback(forget_relation, 0);
  watching = true;
}

Oid own_relation(OwnRelation which) {
  Oid& id = found[static_cast<int>(which)];
  if (OidIsValid(id)) return id;
  watch_relations();
  id = look_up(kNames[static_cast<int>(which)]);
  return id;
}

Oid log_owner() {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(own_relation(OwnRelation::kEvent)));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "db_guard.audit_event has gone");
  const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
  ReleaseSysCache(tuple);
  return owner;
}

SavedUser enter_log_owner() {
  SavedUser saved{};
  GetUserIdAndSecContext(&saved.user, &saved.security);
  SetUserIdAndSecContext(log_owner(), saved.security | SECURITY_LOCAL_USERID_CHANGE);
  return saved;
}

void leave_log_owner(const SavedUser& saved) { SetUserIdAndSecContext(saved.user, saved.security); }

}  // namespace db_guard::rowaudit
