#include "columns/living_references.hpp"

#include "columns/reinsertion.hpp"
#include "pg/operator_name.hpp"
#include "pg/own_function.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace db_guard::columns {

namespace {

struct ForeignKey {
  Oid constraint;
  Oid child;
  int columns;
  AttrNumber child_columns[INDEX_MAX_KEYS];
  AttrNumber columns_here[INDEX_MAX_KEYS];
  Oid operators[INDEX_MAX_KEYS];
};

bool read_foreign_key(Oid constraint, ForeignKey& key) {
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(tuple)) return false;
  key.constraint = constraint;
  key.child = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->conrelid;
  DeconstructFkConstraintRow(tuple, &key.columns, key.child_columns, key.columns_here,
                             key.operators, nullptr, nullptr, nullptr, nullptr);
  ReleaseSysCache(tuple);
  return true;
}

void append_operator(StringInfo sql, Oid id) {
  const char* name = pg::operator_name(id);
  if (name == nullptr) elog(ERROR, "cache lookup failed for operator %u", id);
  appendStringInfo(sql, " %s ", name);
}

const char* search_sql(Relation child, const ForeignKey& key) {
  StringInfoData sql;
  initStringInfo(&sql);
  const bool partitioned = child->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
  appendStringInfo(&sql, "SELECT 1 FROM %s%s WHERE ", partitioned ? "" : "ONLY ",
                   quote_qualified_identifier(get_namespace_name(RelationGetNamespace(child)),
                                              RelationGetRelationName(child)));
  for (int i = 0; i < key.columns; i++) {
    appendStringInfo(&sql, "%s$%d", i > 0 ? " AND " : "", i + 1);
    append_operator(&sql, key.operators[i]);
    appendStringInfoString(&sql,
                           quote_identifier(get_attname(key.child, key.child_columns[i], false)));
  }
  const char* mark = soft_delete_column(child);
  if (mark != nullptr) appendStringInfo(&sql, " AND %s IS NULL", quote_identifier(mark));
  appendStringInfoString(&sql, " LIMIT 1");
  return sql.data;
}

struct KeyValues {
  Datum values[INDEX_MAX_KEYS];
  Oid types[INDEX_MAX_KEYS];
  bool has_null;
};

KeyValues key_values(const TriggerData& data, const ForeignKey& key) {
  const TupleDesc shape = RelationGetDescr(data.tg_relation);
  KeyValues result{};
  for (int i = 0; i < key.columns; i++) {
    bool is_null = false;
    result.values[i] = heap_getattr(data.tg_trigtuple, key.columns_here[i], shape, &is_null);
    result.types[i] = TupleDescAttr(shape, key.columns_here[i] - 1)->atttypid;
    result.has_null = result.has_null || is_null;
  }
  return result;
}

// Looks with the owner's rights and at what is committed now, as the server's own check does.
bool finds_child(const TriggerData& data, Relation child, const ForeignKey& key) {
  KeyValues keys = key_values(data, key);
  if (keys.has_null) return false;
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  SPIPlanPtr plan = kept_plan(RelationGetRelid(data.tg_relation), key.constraint,
                              search_sql(child, key), key.columns, keys.types);
  Oid user = InvalidOid;
  int security = 0;
  GetUserIdAndSecContext(&user, &security);
  SetUserIdAndSecContext(child->rd_rel->relowner,
                         security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
  CommandCounterIncrement();
  const int code = SPI_execute_snapshot(plan, keys.values, nullptr, GetLatestSnapshot(),
                                        InvalidSnapshot, false, false, 1);
  SetUserIdAndSecContext(user, security);
  if (code != SPI_OK_SELECT) elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
  const bool found = SPI_processed > 0;
  SPI_finish();
  return found;
}

void refuse(const TriggerData& data, Relation child, Oid constraint) {
  const char* table = RelationGetRelationName(data.tg_relation);
  const char* name = get_constraint_name(constraint);
  ereport(ERROR,
          (errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
           errmsg("update or delete on table \"%s\" violates foreign key constraint \"%s\" on "
                  "table \"%s\"",
                  table, name, RelationGetRelationName(child)),
           errdetail("A row of table \"%s\" that is not deleted refers to the row.",
                     RelationGetRelationName(child)),
           errhint("Delete the rows of table \"%s\" first.", RelationGetRelationName(child)),
           err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(RelationGetNamespace(child))),
           err_generic_string(PG_DIAG_TABLE_NAME, RelationGetRelationName(child)),
           err_generic_string(PG_DIAG_CONSTRAINT_NAME, name)));
}

void check_reference(const TriggerData& data, Oid constraint) {
  ForeignKey key;
  if (!read_foreign_key(constraint, key)) return;
  Relation child = table_open(key.child, RowShareLock);
  const bool found = finds_child(data, child, key);
  if (found) refuse(data, child, constraint);
  table_close(child, NoLock);
}

}  // namespace

const char* soft_delete_column(Relation table) {
  const TriggerDesc* all = table->trigdesc;
  for (int i = 0; all != nullptr && i < all->numtriggers; i++) {
    const Trigger& trigger = all->triggers[i];
    if (trigger.tgnargs < 1 || trigger.tgenabled == TRIGGER_DISABLED) continue;
    if (pg::is_own_function(trigger.tgfoid, "keep_deleted_row")) return trigger.tgargs[0];
  }
  return nullptr;
}

void check_living_references(const TriggerData& data) {
  const TriggerDesc* all = data.tg_relation->trigdesc;
  for (int i = 0; all != nullptr && i < all->numtriggers; i++) {
    const Trigger& trigger = all->triggers[i];
    if (trigger.tgfoid == F_RI_FKEY_NOACTION_DEL) check_reference(data, trigger.tgconstraint);
  }
}

}  // namespace db_guard::columns
