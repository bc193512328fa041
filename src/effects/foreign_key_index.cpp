// The unique index that a foreign key relies on.
#include "effects/alteration.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "catalog/pg_index.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace db_guard::effects {

namespace {

bool is_key_of(HeapTuple tuple, Oid table, const List* names) {
  const auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  if (names == NIL) return form->indisprimary;
  const bool usable = form->indisunique && form->indimmediate && form->indisvalid &&
                      form->indnkeyatts == list_length(names) &&
                      heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
                      heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
  if (!usable) return false;
  ListCell* cell = nullptr;
  foreach (cell, names) {
    const AttrNumber number = get_attnum(table, strVal(lfirst(cell)));
    const int16* keys = form->indkey.values;
    if (std::find(keys, keys + form->indnkeyatts, number) == keys + form->indnkeyatts) return false;
  }
  return true;
}

bool same_names(const List* some, const List* others) {
  if (list_length(some) != list_length(others)) return false;
  ListCell* one = nullptr;
  ListCell* other = nullptr;
  forboth(one, some, other, others) {
    if (strcmp(strVal(lfirst(one)), strVal(lfirst(other))) != 0) return false;
  }
  return true;
}

}  // namespace

int index_key_count(Oid index) {
  int count = 0;
  pg::read_syscache<Form_pg_index>(INDEXRELID, ObjectIdGetDatum(index),
                                   [&](auto* form, HeapTuple) { count = form->indnkeyatts; });
  return count;
}

Oid key_index(Oid table, const List* names) {
  ListCell* cell = nullptr;
  foreach (cell, indexes_of(table)) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
    if (!HeapTupleIsValid(tuple)) continue;
    const bool is = is_key_of(tuple, table, names);
    ReleaseSysCache(tuple);
    if (is) return lfirst_oid(cell);
  }
  return InvalidOid;
}

bool is_key_added(const Alteration& alteration, const List* names) {
  ListCell* cell = nullptr;
  foreach (cell, alteration.added_constraints) {
    const auto* key = static_cast<const Constraint*>(lfirst(cell));
    if (names == NIL && key->contype == CONSTR_PRIMARY) return true;
    const bool unique = key->contype == CONSTR_PRIMARY || key->contype == CONSTR_UNIQUE;
    if (unique && names != NIL && same_names(names, key->keys)) return true;
  }
  return false;
}

}  // namespace db_guard::effects
