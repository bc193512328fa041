// Whether a table has an index already that does what a new one would. Expressions and predicates
// are not compared: an index with any is taken for one of its own kind.
#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/amapi.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace db_guard::ddl {

namespace {

struct KeyColumn {
  AttrNumber number;
  Oid opclass;
  Oid collation;
  int16 option;
};

struct NewIndex {
  Oid method;
  int keys;
  KeyColumn key[INDEX_MAX_KEYS];
  const List* include;
  bool unique;
  bool nulls_not_distinct;
};

int16 option_of(const IndexElem* element) {
  const bool descends = element->ordering == SORTBY_DESC;
  const bool nulls_first = element->nulls_ordering == SORTBY_NULLS_DEFAULT
                               ? descends
                               : element->nulls_ordering == SORTBY_NULLS_FIRST;
  return int16((descends ? INDOPTION_DESC : 0) | (nulls_first ? INDOPTION_NULLS_FIRST : 0));
}

KeyColumn read_element(Oid table, const IndexStmt* create, Oid method, const IndexElem* element) {
  KeyColumn column{};
  column.number = get_attnum(table, element->name);
  if (column.number == InvalidAttrNumber) return column;
  Oid type = InvalidOid;
  int32 modifier = -1;
  get_atttypetypmodcoll(table, column.number, &type, &modifier, &column.collation);
  if (element->collation != NIL) column.collation = get_collation_oid(element->collation, false);
  column.opclass = ResolveOpClass(element->opclass, type, create->accessMethod, method);
  column.option = option_of(element);
  return column;
}

bool is_plain(const IndexElem* element) {
  return element->name != nullptr && element->opclassopts == NIL;
}

// False where there is something in it that is not compared here.
bool read_new_index(Oid table, const IndexStmt* create, NewIndex& index) {
  if (create->whereClause != nullptr || list_length(create->indexParams) > INDEX_MAX_KEYS) {
    return false;
  }
  index.method = get_index_am_oid(create->accessMethod, false);
  index.include = create->indexIncludingParams;
  index.unique = create->unique;
  index.nulls_not_distinct = create->nulls_not_distinct;
  ListCell* cell = nullptr;
  foreach (cell, create->indexParams) {
    const auto* element = static_cast<const IndexElem*>(lfirst(cell));
    if (!is_plain(element)) return false;
    const KeyColumn column = read_element(table, create, index.method, element);
    if (column.number == InvalidAttrNumber) return false;
    index.key[index.keys++] = column;
  }
  return true;
}

const oidvector* vector_of(HeapTuple tuple, AttrNumber column) {
  bool is_null = false;
  const Datum value = SysCacheGetAttr(INDEXRELID, tuple, column, &is_null);
  return reinterpret_cast<const oidvector*>(DatumGetPointer(value));
}

const int2vector* options_of(HeapTuple tuple) {
  bool is_null = false;
  const Datum value = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indoption, &is_null);
  return reinterpret_cast<const int2vector*>(DatumGetPointer(value));
}

bool is_whole_and_valid(const FormData_pg_index* form, HeapTuple tuple) {
  return form->indisvalid && !form->indisexclusion &&
         heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
         heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
}

bool leads_with(const FormData_pg_index* form, HeapTuple tuple, const NewIndex& wanted) {
  if (form->indnkeyatts < wanted.keys) return false;
  const oidvector* classes = vector_of(tuple, Anum_pg_index_indclass);
  const oidvector* collations = vector_of(tuple, Anum_pg_index_indcollation);
  const int2vector* options = options_of(tuple);
  for (int i = 0; i < wanted.keys; i++) {
    const KeyColumn& column = wanted.key[i];
    if (form->indkey.values[i] != column.number || classes->values[i] != column.opclass ||
        collations->values[i] != column.collation || options->values[i] != column.option) {
      return false;
    }
  }
  return true;
}

bool holds_included(const FormData_pg_index* form, const NewIndex& wanted) {
  ListCell* cell = nullptr;
  foreach (cell, wanted.include) {
    const char* name = static_cast<const IndexElem*>(lfirst(cell))->name;
    const AttrNumber number = name != nullptr ? get_attnum(form->indrelid, name) : 0;
    const int16* columns = form->indkey.values;
    const int16* end = columns + form->indnatts;
    if (number == 0 || std::find(columns, end, number) == end) return false;
  }
  return true;
}

// A unique index refuses rows, and only one over exactly the same columns refuses the same ones.
bool keeps_unique(const FormData_pg_index* form, const NewIndex& wanted) {
  if (!wanted.unique) return true;
  return form->indisunique && form->indimmediate && form->indnkeyatts == wanted.keys &&
         form->indnullsnotdistinct == wanted.nulls_not_distinct;
}

bool serves(const FormData_pg_index* form, HeapTuple tuple, const NewIndex& wanted) {
  if (!is_whole_and_valid(form, tuple) || !leads_with(form, tuple, wanted)) return false;
  // Only of a sorted index do the first columns alone find rows as fast as an index of their own.
  if (form->indnkeyatts > wanted.keys && wanted.method != BTREE_AM_OID) return false;
  return holds_included(form, wanted) && keeps_unique(form, wanted);
}

bool is_no_more(const FormData_pg_index* form, const NewIndex& wanted) {
  return form->indnatts == wanted.keys + list_length(wanted.include) &&
         form->indisunique == wanted.unique;
}

struct Found {
  Oid index;
  bool same;
};

void look_at(Oid id, const NewIndex& wanted, Found& found) {
  ::Relation index = RelationIdGetRelation(id);
  if (index == nullptr) return;
  const bool same_method = index->rd_rel->relam == wanted.method;
  RelationClose(index);
  if (!same_method) return;
  pg::read_syscache<Form_pg_index>(INDEXRELID, ObjectIdGetDatum(id),
                                   [&](Form_pg_index form, HeapTuple tuple) {
                                     if (!serves(form, tuple, wanted)) return;
                                     const bool same = is_no_more(form, wanted);
                                     if (!OidIsValid(found.index) || (same && !found.same))
                                       found = {id, same};
                                   });
}

struct FoundName {
  const char* schema;
  const char* name;
  bool same;
};

FoundName find_in(Oid table, const IndexStmt* create) {
  NewIndex wanted{};
  Found found{};
  if (!read_new_index(table, create, wanted)) return {};
  ::Relation relation = RelationIdGetRelation(table);
  if (relation == nullptr) return {};
  List* indexes = RelationGetIndexList(relation);
  RelationClose(relation);
  ListCell* cell = nullptr;
  foreach (cell, indexes) look_at(lfirst_oid(cell), wanted, found);
  if (!OidIsValid(found.index)) return {};
  return {get_namespace_name(get_rel_namespace(found.index)), get_rel_name(found.index),
          found.same};
}

}  // namespace

std::optional<SimilarIndex> find_similar_index(const Relation& relation, const Action& action) {
  const auto* create = static_cast<const IndexStmt*>(action.node);
  if (create == nullptr) return std::nullopt;
  const Oid table = relation.id;
  FoundName found{};
  try {
    found = pg::call([&] { return find_in(table, create); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    // An access method, operator class or column that there is none of: the server says so itself.
    throw Refused{};
  }
  if (found.schema == nullptr || found.name == nullptr) return std::nullopt;
  SimilarIndex similar;
  similar.display = pg::call([&] { return quote_qualified_identifier(found.schema, found.name); });
  similar.same = found.same;
  return similar;
}

}  // namespace db_guard::ddl
