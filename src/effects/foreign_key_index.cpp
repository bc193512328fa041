// The unique index that a foreign key relies on.
#include "effects/alteration.hpp"

#include "pg/syscache.hpp"

extern "C" {
#include "catalog/pg_index.h"
#include "access/stratnum.h"
#include "nodes/value.h"
#include "parser/parse_coerce.h"
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

struct KeyColumn {
  Oid referencing_type;
  Oid referenced_type;
  Oid opclass;
};

// As ATAddForeignKeyConstraint looks for the operators: those of the index, or a cast to its type.
bool is_comparable(const KeyColumn& column) {
  const Oid family = get_opclass_family(column.opclass);
  const Oid input = get_opclass_input_type(column.opclass);
  const Oid base = getBaseType(column.referencing_type);
  const bool direct = OidIsValid(get_opfamily_member(family, input, base, BTEqualStrategyNumber)) &&
                      OidIsValid(get_opfamily_member(family, base, base, BTEqualStrategyNumber));
  if (direct) return true;
  const Oid given[] = {column.referenced_type, column.referencing_type};
  const Oid wanted[] = {input, input};
  return can_coerce_type(2, given, wanted, COERCION_IMPLICIT);
}

Oid opclass_of(HeapTuple tuple, int position) {
  bool is_null = false;
  const Datum classes = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &is_null);
  return reinterpret_cast<const oidvector*>(DatumGetPointer(classes))->values[position];
}

// Which key column of the index it is that the n-th name stands for.
int position_in_index(const FormData_pg_index* index, const List* names, int nth) {
  if (names == NIL) return nth;
  const AttrNumber number = get_attnum(index->indrelid, strVal(list_nth(names, nth)));
  const int16* keys = index->indkey.values;
  return int(std::find(keys, keys + index->indnkeyatts, number) - keys);
}

}  // namespace

bool are_keys_comparable(Oid table, const List* columns, Oid index, const List* names) {
  bool comparable = true;
  const auto read = [&](auto* form, HeapTuple tuple) {
    for (int i = 0; i < Min(list_length(columns), form->indnkeyatts); i++) {
      const AttrNumber own = get_attnum(table, strVal(list_nth(columns, i)));
      const int position = position_in_index(form, names, i);
      if (own == InvalidAttrNumber || position >= form->indnkeyatts) continue;
      const Oid referenced = get_atttype(form->indrelid, form->indkey.values[position]);
      comparable &=
          is_comparable({get_atttype(table, own), referenced, opclass_of(tuple, position)});
    }
  };
  pg::read_syscache<Form_pg_index>(INDEXRELID, ObjectIdGetDatum(index), read);
  return comparable;
}

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
