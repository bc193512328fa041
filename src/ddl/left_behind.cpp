// What a transaction is about to leave behind in the catalogs: triggers that it has disabled, and
// foreign keys without an index.
#include "ddl/catalog_facts.hpp"
#include "ddl/plain_facts.hpp"
#include "pg/call.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace db_guard::ddl {

namespace {

// Rows of a catalog that belong to a relation, and that this transaction has written.
struct OwnCatalog {
  Oid catalog;
  Oid index;
  AttrNumber relation_column;
};
constexpr OwnCatalog kTriggers{TriggerRelationId, TriggerRelidNameIndexId, Anum_pg_trigger_tgrelid};
constexpr OwnCatalog kConstraints{ConstraintRelationId, ConstraintRelidTypidNameIndexId,
                                  Anum_pg_constraint_conrelid};

template <class Reader>
void read_own_rows(const OwnCatalog& own, Oid relation, Reader&& reader) {
  ::Relation catalog = table_open(own.catalog, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, own.relation_column, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(relation));
  SysScanDesc scan = systable_beginscan(catalog, own.index, true, nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data))) {
      reader(tuple, RelationGetDescr(catalog));
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

struct TriggerNames {
  const char* name;
  const char* constraint;  // null for a user's own
};

List* read_disabled_triggers(Oid relation) {
  List* found = NIL;
  read_own_rows(kTriggers, relation, [&](HeapTuple tuple, TupleDesc) {
    const auto* form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    if (form->tgenabled != TRIGGER_DISABLED) return;
    auto* names = static_cast<TriggerNames*>(palloc0(sizeof(TriggerNames)));
    names->name = pstrdup(NameStr(form->tgname));
    if (form->tgisinternal) names->constraint = get_constraint_name(form->tgconstraint);
    found = lappend(found, names);
  });
  return found;
}

struct KeyRow {
  const char* constraint;
  const char* other_table;
  int count;
  const char* columns[INDEX_MAX_KEYS];
};

KeyRow* read_key(HeapTuple tuple) {
  const auto* form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
  auto* row = static_cast<KeyRow*>(palloc0(sizeof(KeyRow)));
  AttrNumber columns[INDEX_MAX_KEYS];
  AttrNumber referenced[INDEX_MAX_KEYS];
  DeconstructFkConstraintRow(tuple, &row->count, columns, referenced, nullptr, nullptr, nullptr,
                             nullptr, nullptr);
  if (is_key_indexed(form->conrelid, columns, row->count)) return nullptr;
  row->constraint = pstrdup(NameStr(form->conname));
  const char* schema = get_namespace_name(get_rel_namespace(form->confrelid));
  const char* name = get_rel_name(form->confrelid);
  if (schema == nullptr || name == nullptr) return nullptr;
  row->other_table = quote_qualified_identifier(schema, name);
  for (int i = 0; i < row->count; i++) {
    row->columns[i] = get_attname(form->conrelid, columns[i], true);
    if (row->columns[i] == nullptr) return nullptr;
  }
  return row;
}

List* read_unindexed_keys(Oid relation) {
  List* found = NIL;
  read_own_rows(kConstraints, relation, [&](HeapTuple tuple, TupleDesc) {
    const auto* form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    // Of a partition the key of its parent speaks.
    if (form->contype != CONSTRAINT_FOREIGN || OidIsValid(form->conparentid)) return;
    KeyRow* row = read_key(tuple);
    if (row != nullptr) found = lappend(found, row);
  });
  return found;
}

}  // namespace

Vector<DisabledTrigger> find_disabled_triggers(const Relation& relation) {
  const Oid id = relation.id;
  List* rows = pg::call([&] { return read_disabled_triggers(id); });
  Vector<DisabledTrigger> triggers;
  for (int i = 0; i < list_length(rows); i++) {
    const auto* row = static_cast<const TriggerNames*>(list_nth(rows, i));
    triggers.push_back({Text(row->name), Text(row->constraint != nullptr ? row->constraint : "")});
  }
  return triggers;
}

Vector<KeyColumns> find_unindexed_foreign_keys(const Relation& relation) {
  const Oid id = relation.id;
  List* rows = pg::call([&] { return read_unindexed_keys(id); });
  Vector<KeyColumns> keys;
  for (int i = 0; i < list_length(rows); i++) {
    const auto* row = static_cast<const KeyRow*>(list_nth(rows, i));
    KeyColumns key;
    key.constraint = row->constraint;
    key.other_table = row->other_table;
    for (int column = 0; column < row->count; column++) {
      key.columns.emplace_back(row->columns[column]);
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace db_guard::ddl
