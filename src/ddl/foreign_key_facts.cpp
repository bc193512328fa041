// Of a foreign key: whether an index finds the rows that reference a key, and whether the types of
// the two sides go well together.
#include "ddl/catalog_facts.hpp"
#include "ddl/plain_facts.hpp"
#include "pg/call.hpp"
#include "pg/search_path.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::ddl {

namespace {

// A query for rows with a given key finds none where a column is NULL. What implies that much is
// implied by the query.
bool holds_all_with_a_key(::Relation index, Oid table, const Bitmapset* columns) {
  List* predicate = RelationGetIndexPredicate(index);
  if (predicate == NIL) return true;
  List* known = NIL;
  for (int number = -1; (number = bms_next_member(columns, number)) >= 0;) {
    known = lappend(known, not_null_test(table, AttrNumber(number)));
  }
  return predicate_implied_by(predicate, known, false);
}

// In any order: equality is asked of all of them.
bool leads_with(::Relation index, const Bitmapset* columns) {
  const FormData_pg_index* form = index->rd_index;
  const int count = bms_num_members(columns);
  if (form->indnkeyatts < count) return false;
  for (int i = 0; i < count; i++) {
    const AttrNumber number = form->indkey.values[i];
    if (number <= 0 || !bms_is_member(number, columns)) return false;
  }
  return true;
}

bool finds_key(Oid id, Oid table, const Bitmapset* columns) {
  ::Relation index = RelationIdGetRelation(id);
  if (index == nullptr) return false;
  // A BRIN index only tells where rows cannot be.
  const bool finds = index->rd_index->indisvalid && index->rd_rel->relam != BRIN_AM_OID &&
                     leads_with(index, columns) && holds_all_with_a_key(index, table, columns);
  RelationClose(index);
  return finds;
}

bool has_index_on(Oid table, const Bitmapset* columns) {
  ::Relation relation = RelationIdGetRelation(table);
  if (relation == nullptr) return false;
  List* indexes = RelationGetIndexList(relation);
  RelationClose(relation);
  ListCell* cell = nullptr;
  foreach (cell, indexes) {
    if (finds_key(lfirst_oid(cell), table, columns)) return true;
  }
  return false;
}

struct Side {
  AttrNumber number;
  Oid type;
  int32 modifier;
};

Side side_of(Oid table, AttrNumber number) {
  Side side{};
  Oid collation = InvalidOid;
  side.number = number;
  get_atttypetypmodcoll(table, number, &side.type, &side.modifier, &collation);
  return side;
}

bool is_integer(Oid type) { return type == INT2OID || type == INT4OID || type == INT8OID; }

bool is_limited_text(Oid type) { return type == VARCHAROID || type == BPCHAROID; }

// The key's values are converted to the referenced type before they are compared, and then no index
// on the key's own type can serve.
bool hides_index(Oid own, Oid other) {
  const Oid opclass = GetDefaultOpClass(other, BTREE_AM_OID);
  if (!OidIsValid(opclass)) return false;
  const Oid input = get_opclass_input_type(opclass);
  const Oid family = get_opclass_family(opclass);
  if (OidIsValid(get_opfamily_member(family, input, own, BTEqualStrategyNumber))) return false;
  return !IsBinaryCoercible(own, input);
}

bool is_too_narrow(const Side& own, const Side& other) {
  int32 own_modifier = own.modifier;
  int32 other_modifier = other.modifier;
  const Oid own_type = getBaseTypeAndTypmod(own.type, &own_modifier);
  const Oid other_type = getBaseTypeAndTypmod(other.type, &other_modifier);
  if (is_integer(own_type) && is_integer(other_type)) {
    return get_typlen(own_type) < get_typlen(other_type);
  }
  const bool other_is_text = is_limited_text(other_type) || other_type == TEXTOID;
  if (!is_limited_text(own_type) || !other_is_text || own_modifier < 0) return false;
  return other_modifier < 0 || own_modifier < other_modifier;
}

struct MismatchWords {
  bool hides_index;
  bool too_narrow;
  const char* type;
  const char* other_column;
  const char* other_type;
};

MismatchWords compare(const Side& own, Oid other_table, const Side& other) {
  MismatchWords words{};
  words.hides_index = hides_index(getBaseType(own.type), getBaseType(other.type));
  words.too_narrow = is_too_narrow(own, other);
  if (!words.hides_index && !words.too_narrow) return words;
  const int nest_level = pg::pin_search_path();
  words.type = format_type_with_typemod(own.type, own.modifier);
  words.other_type = format_type_with_typemod(other.type, other.modifier);
  words.other_column = get_attname(other_table, other.number, true);
  pg::unpin_search_path(nest_level);
  return words;
}

AttrNumber primary_key_column(Oid table, int place) {
  ::Relation relation = RelationIdGetRelation(table);
  if (relation == nullptr) return InvalidAttrNumber;
  (void)RelationGetIndexList(relation);
  const Oid index = relation->rd_pkindex;
  RelationClose(relation);
  AttrNumber number = InvalidAttrNumber;
  if (!OidIsValid(index)) return number;
  pg::read_syscache<Form_pg_index>(INDEXRELID, ObjectIdGetDatum(index),
                                   [&](Form_pg_index form, HeapTuple) {
                                     if (place < form->indnkeyatts)
                                       number = form->indkey.values[place];
                                   });
  return number;
}

// What the n-th column of the key stands against.
struct Pair {
  Oid table;
  const char* column;
  Oid other_table;
  const char* other_column;  // null: of the primary key
  int place;
};

MismatchWords compare_pair(const Pair& pair) {
  const AttrNumber number = get_attnum(pair.table, pair.column);
  const AttrNumber other = pair.other_column != nullptr
                               ? get_attnum(pair.other_table, pair.other_column)
                               : primary_key_column(pair.other_table, pair.place);
  // A column that this very statement adds; or the server will refuse it.
  if (number <= 0 || other <= 0) return {};
  return compare(side_of(pair.table, number), pair.other_table, side_of(pair.other_table, other));
}

}  // namespace

bool is_key_indexed(Oid table, const AttrNumber* columns, int count) {
  Bitmapset* numbers = nullptr;
  for (int i = 0; i < count; i++) {
    if (columns[i] > 0) numbers = bms_add_member(numbers, columns[i]);
  }
  return has_index_on(table, numbers);
}

bool has_foreign_key_index(const Relation& relation, const Vector<Text>& columns) {
  const Oid table = relation.id;
  AttrNumber numbers[INDEX_MAX_KEYS];
  int count = 0;
  for (const Text& column : columns) {
    const char* name = column.c_str();
    if (count == INDEX_MAX_KEYS) return false;
    numbers[count++] = pg::call([&] { return get_attnum(table, name); });
  }
  return pg::call([&] { return is_key_indexed(table, numbers, count); });
}

Vector<KeyMismatch> find_key_mismatches(const Relation& relation, const Relation& other,
                                        const Action& action) {
  Vector<KeyMismatch> mismatches;
  const Vector<Text>& columns = action.key.columns;
  const bool named = action.other_columns.size() == columns.size();
  for (std::size_t i = 0; i < columns.size(); i++) {
    const Pair pair = {relation.id, columns[i].c_str(), other.id,
                       named ? action.other_columns[i].c_str() : nullptr, int(i)};
    const MismatchWords words = pg::call([&] { return compare_pair(pair); });
    if (words.type == nullptr || words.other_column == nullptr) continue;
    mismatches.push_back({columns[i], Text(words.type), Text(words.other_column),
                          Text(words.other_type), words.hides_index, words.too_narrow});
  }
  return mismatches;
}

}  // namespace db_guard::ddl
