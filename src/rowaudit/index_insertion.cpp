#include "rowaudit/index_insertion.hpp"

#include "core/byte_reader.hpp"
#include "pg/index_version.hpp"
#include "rowaudit/audit_image.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type_d.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace db_guard::rowaudit {

namespace {

constexpr AttrNumber kIdColumn = 1;
constexpr AttrNumber kTableIdColumn = 3;
constexpr AttrNumber kOpColumn = 4;

// Of the partition that was written to last.
struct OwnIndexes {
  Oid relation;
  Oid by_number;
  Oid by_key;
  Oid moved;
  bool others;
};

OwnIndexes known{};
bool watching = false;

void forget_indexes(Datum, Oid relation) {
  if (!OidIsValid(relation) || relation == known.relation) known = {};
}

void watch_indexes() {
  if (watching) return;
  CacheRegisterRelcacheCallback(forget_indexes, 0);
  watching = true;
}

// The least and the greatest number of a range of pages; other families of BRIN keep more.
bool is_minmax(Oid family) {
  HeapTuple tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto* form = reinterpret_cast<const FormData_pg_opfamily*>(GETSTRUCT(tuple));
  const bool minmax = strcmp(NameStr(form->opfname), "integer_minmax_ops") == 0;
  ReleaseSysCache(tuple);
  return minmax;
}

bool is_by_number(Relation index) {
  const Form_pg_index form = index->rd_index;
  return index->rd_rel->relam == BRIN_AM_OID && form->indnatts == 1 && form->indisready &&
         form->indkey.values[0] == kIdColumn && RelationGetIndexPredicate(index) == NIL &&
         is_minmax(index->rd_opfamily[0]);
}

bool is_plain_btree(Relation index) {
  const Form_pg_index form = index->rd_index;
  return index->rd_rel->relam == BTREE_AM_OID && form->indnatts == 1 && !form->indisunique &&
         form->indisready;
}

bool is_key_hash(const Node* expression) {
  if (!IsA(expression, FuncExpr)) return false;
  const Oid function = reinterpret_cast<const FuncExpr*>(expression)->funcid;
  const char* name = get_func_name(function);
  return name != nullptr && strcmp(name, "audit_key_hash") == 0 &&
         get_func_namespace(function) == get_namespace_oid("db_guard", true);
}

bool is_by_key(Relation index) {
  if (!is_plain_btree(index) || index->rd_opcintype[0] != INT8OID) return false;
  List* expressions = RelationGetIndexExpressions(index);
  return list_length(expressions) == 1 && RelationGetIndexPredicate(index) == NIL &&
         is_key_hash(static_cast<const Node*>(linitial(expressions)));
}

bool is_moved(const Node* predicate) {
  if (!IsA(predicate, OpExpr)) return false;
  const auto* comparison = reinterpret_cast<const OpExpr*>(predicate);
  if (list_length(comparison->args) != 2 || comparison->opfuncid != F_CHAREQ) return false;
  const auto* left = static_cast<const Node*>(linitial(comparison->args));
  const auto* right = static_cast<const Node*>(lsecond(comparison->args));
  return IsA(left, Var) && reinterpret_cast<const Var*>(left)->varattno == kOpColumn &&
         IsA(right, Const) &&
         DatumGetChar(reinterpret_cast<const Const*>(right)->constvalue) == char(Op::kMove);
}

bool is_of_moved(Relation index) {
  if (!is_plain_btree(index) || index->rd_index->indkey.values[0] != kTableIdColumn) return false;
  List* predicate = RelationGetIndexPredicate(index);
  return list_length(predicate) == 1 && is_moved(static_cast<const Node*>(linitial(predicate)));
}

void take_note(OwnIndexes& own, Oid id) {
  Relation index = index_open(id, RowExclusiveLock);
  if (!OidIsValid(own.by_number) && is_by_number(index)) {
    own.by_number = id;
  } else if (!OidIsValid(own.by_key) && is_by_key(index)) {
    own.by_key = id;
  } else if (!OidIsValid(own.moved) && is_of_moved(index)) {
    own.moved = id;
  } else {
    own.others = true;
  }
  index_close(index, NoLock);
}

const OwnIndexes& indexes_of(Relation relation) {
  if (known.relation == RelationGetRelid(relation)) return known;
  watch_indexes();
  OwnIndexes own{RelationGetRelid(relation), InvalidOid, InvalidOid, InvalidOid, false};
  ListCell* cell = nullptr;
  foreach (cell, RelationGetIndexList(relation)) take_note(own, lfirst_oid(cell));
  known = own;
  return known;
}

int compare_hashes(const void* a, const void* b) {
  const int64 left = static_cast<const IndexedEvent*>(a)->key_hash;
  const int64 right = static_cast<const IndexedEvent*>(b)->key_hash;
  return (left > right) - (left < right);
}

// Neither a B-tree nor BRIN wants to know what the executor has about an index.
IndexInfo* info_of_insertion() {
  IndexInfo* info = makeNode(IndexInfo);
  info->ii_Context = CurrentMemoryContext;
  return info;
}

void enter(Relation index, Relation relation, Datum value, ItemPointerData place, IndexInfo* info) {
  bool is_null = false;
  (void)index_insert(index, &value, &is_null, &place, relation, UNIQUE_CHECK_NO, false, info);
}

bool share_page(const IndexedEvent& a, const IndexedEvent& b) {
  return ItemPointerGetBlockNumber(&a.place) == ItemPointerGetBlockNumber(&b.place);
}

// The first and the last event of each page tell all that a range of pages is to know.
void enter_by_number(Oid id, Relation relation, const IndexedEvent* events, int count) {
  Relation index = index_open(id, RowExclusiveLock);
  IndexInfo* info = info_of_insertion();
  for (int i = 0; i < count; i++) {
    const bool first = i == 0 || !share_page(events[i - 1], events[i]);
    const bool last = i == count - 1 || !share_page(events[i], events[i + 1]);
    if (!first && !last) continue;
    enter(index, relation, Int64GetDatum(events[i].audit_id), events[i].place, info);
  }
  pg::finish_index_insert(index, info);
  index_close(index, NoLock);
}

void enter_by_key(Oid id, Relation relation, IndexedEvent* events, int count) {
  for (int i = 0; i < count; i++) {
    events[i].key_hash = key_hash_of(events[i].table_id, events[i].payload);
  }
  if (count > 1) qsort(events, Size(count), sizeof(IndexedEvent), compare_hashes);
  Relation index = index_open(id, RowExclusiveLock);
  IndexInfo* info = info_of_insertion();
  for (int i = 0; i < count; i++) {
    enter(index, relation, Int64GetDatum(events[i].key_hash), events[i].place, info);
  }
  index_close(index, NoLock);
}

void enter_moved(Oid id, Relation relation, const IndexedEvent* events, int count) {
  Relation index = nullptr;
  IndexInfo* info = nullptr;
  for (int i = 0; i < count; i++) {
    if (!events[i].moved) continue;
    if (index == nullptr) {
      index = index_open(id, RowExclusiveLock);
      info = info_of_insertion();
    }
    enter(index, relation, Int32GetDatum(events[i].table_id), events[i].place, info);
  }
  if (index != nullptr) index_close(index, NoLock);
}

}  // namespace

bool has_own_indexes_only(Relation relation) { return !indexes_of(relation).others; }

void insert_into_own_indexes(Relation relation, IndexedEvent* events, int count) {
  // A copy: it may be forgotten while an index is opened.
  const OwnIndexes own = indexes_of(relation);
  if (OidIsValid(own.by_number)) enter_by_number(own.by_number, relation, events, count);
  if (OidIsValid(own.by_key)) enter_by_key(own.by_key, relation, events, count);
  if (OidIsValid(own.moved)) enter_moved(own.moved, relation, events, count);
}

void insert_into_indexes(Relation relation, TupleTableSlot** rows, int count) {
  EState* state = CreateExecutorState();
  ResultRelInfo* result = makeNode(ResultRelInfo);
  InitResultRelInfo(result, relation, 1, nullptr, 0);
  ExecOpenIndices(result, false);
  for (int i = 0; i < count; i++) {
    GetPerTupleExprContext(state)->ecxt_scantuple = rows[i];
    list_free(pg::insert_index_entries(result, rows[i], state));
    ResetPerTupleExprContext(state);
  }
  ExecCloseIndices(result);
  FreeExecutorState(state);
}

int64 key_hash_of(int32 table_id, const varlena* payload) {
  core::ByteReader reader(reinterpret_cast<const unsigned char*>(VARDATA_ANY(payload)),
                          VARSIZE_ANY_EXHDR(payload));
  (void)reader.varint();
  (void)reader.varint();
  const std::uint64_t length = reader.varint();
  const unsigned char* key = reader.bytes(length);
  const Bytes bytes{key, key != nullptr ? uint32(length) : 0};
  return int64(hash_of_key_bytes(table_id, bytes));
}

}  // namespace db_guard::rowaudit
