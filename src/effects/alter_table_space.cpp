// SET TABLESPACE, of one relation and of all in a table space.
#include "effects/alteration.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/tablespace.h"
#include "commands/user.h"
#include "utils/acl.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

Oid effective_space(Oid space) { return OidIsValid(space) ? space : MyDatabaseTableSpace; }

bool is_of_kind(const AlterTableMoveAllStmt* statement, char kind) {
  switch (statement->objtype) {
    case OBJECT_INDEX:
      return kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX;
    case OBJECT_MATVIEW:
      return kind == RELKIND_MATVIEW;
    default:
      return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
  }
}

bool is_moved(const AlterTableMoveAllStmt* statement, const List* roles,
              const FormData_pg_class* row, Oid space) {
  return effective_space(row->reltablespace) == space && !row->relisshared &&
         is_of_kind(statement, row->relkind) && !isAnyTempNamespace(row->relnamespace) &&
         (roles == NIL || list_member_oid(roles, row->relowner));
}

}  // namespace

void predict_table_space(Alteration& alteration, Oid relation, const char* name) {
  Oid before = InvalidOid;
  pg::read_syscache<Form_pg_class>(RELOID, ObjectIdGetDatum(relation),
                                   [&](auto* form, HeapTuple) { before = form->reltablespace; });
  if (get_tablespace_oid(name, false) == effective_space(before)) return;
  altered_table(alteration, relation).new_file = true;
}

void predict_move_all(Prediction& prediction, const AlterTableMoveAllStmt* statement) {
  const Oid from = get_tablespace_oid(statement->orig_tablespacename, false);
  if (from == get_tablespace_oid(statement->new_tablespacename, false)) return;
  const List* roles = roleSpecsToIds(statement->roles);
  ::Relation catalog = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    if (!is_moved(statement, roles, form, from)) continue;
    RelationEffect* effect = add_lock(prediction, form->oid, AccessExclusiveLock);
    effect->rewrite = has_storage(form->relkind);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

}  // namespace db_guard::effects
