#include "batch/table_facts.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/as_owner.hpp"
#include "pg/maintained_columns.hpp"
#include "pg/operator_name.hpp"
#include "pg/server_version.hpp"
#include "pg/spi.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/attmap.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace db_guard::batch {

namespace {

using core::concat;
using core::Error;
using core::Text;

constexpr int kMostKeyColumns = 8;

// --- plain server code
// ----------------------------------------------------------------------------

struct PlainColumn {
  const char* name;
  const char* operators[4];
  KeyType type;
};

struct PlainKey {
  int columns;
  PlainColumn column[kMostKeyColumns];
};

struct PlainTable {
  const char* name;
  PlainKey key;
  const char* changed_index;
  bool changes_key;
  bool moves_between_partitions;
  bool is_heap;
  char kind;
  std::int64_t pages;
  double rows;
};

bool in_pg_catalog(const char* name) { return strncmp(name, "OPERATOR(pg_catalog.", 20) == 0; }

// The operators of the index that a scan in its order needs.
bool read_operators(::Relation index, int position, Oid type, PlainColumn& column) {
  constexpr int kStrategies[4] = {3, 5, 4, 2};  // of a btree: =, >, >=, <=
  for (int i = 0; i < 4; i++) {
    const Oid id = get_opfamily_member(index->rd_opfamily[position], type, type,
                                       static_cast<int16>(kStrategies[i]));
    column.operators[i] = OidIsValid(id) ? pg::operator_name(id) : nullptr;
    if (column.operators[i] == nullptr) return false;
    if (index->rd_index->indnkeyatts > 1 && !in_pg_catalog(column.operators[i])) return false;
  }
  return true;
}

// Whether ORDER BY of the column, plainly, is the order of the index.
bool is_plain_order(::Relation index, int position, Form_pg_attribute attribute) {
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(RelationGetRelid(index)));
  if (!HeapTupleIsValid(tuple)) return false;
  bool is_null = false;
  const Datum classes = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &is_null);
  const Oid used = reinterpret_cast<oidvector*>(DatumGetPointer(classes))->values[position];
  ReleaseSysCache(tuple);
  return index->rd_indoption[position] == 0 &&
         index->rd_indcollation[position] == attribute->attcollation &&
         used == GetDefaultOpClass(attribute->atttypid, BTREE_AM_OID);
}

bool read_key_column(::Relation table, ::Relation index, int position, PlainColumn& column) {
  const AttrNumber number = index->rd_index->indkey.values[position];
  if (number <= 0) return false;
  Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(table), number - 1);
  if (!attribute->attnotnull || attribute->attisdropped) return false;
  const Oid type = attribute->atttypid;
  const Oid compared = index->rd_opcintype[position];
  column.type.type = type;
  column.type.array = get_array_type(type);
  column.type.collation = attribute->attcollation;
  get_typlenbyvalalign(type, &column.type.length, &column.type.by_value, &column.type.align);
  column.name = quote_identifier(pstrdup(NameStr(attribute->attname)));
  return OidIsValid(column.type.array) && is_plain_order(index, position, attribute) &&
         read_operators(index, position, compared, column);
}

bool is_settled(Form_pg_index form) {
  return form->indisvalid && form->indisready && form->indislive;
}

bool read_key(::Relation table, ::Relation index, Bitmapset* changed, PlainKey& key) {
  Form_pg_index form = index->rd_index;
  key.columns = 0;
  if (!form->indisunique || !form->indimmediate || !is_settled(form) ||
      form->indnkeyatts > kMostKeyColumns || index->rd_rel->relam != BTREE_AM_OID) {
    return false;
  }
  if (RelationGetIndexPredicate(index) != NIL) return false;
  for (int i = 0; i < form->indnkeyatts; i++) {
    if (bms_is_member(form->indkey.values[i], changed)) return false;
    if (!read_key_column(table, index, i, key.column[i])) return false;
  }
  key.columns = form->indnkeyatts;
  return true;
}

// Columns that an index looks at, also in expressions and its WHERE.
Bitmapset* columns_of_index(::Relation index) {
  Bitmapset* expressions = nullptr;
  pull_varattnos(reinterpret_cast<Node*>(RelationGetIndexExpressions(index)), 1, &expressions);
  pull_varattnos(reinterpret_cast<Node*>(RelationGetIndexPredicate(index)), 1, &expressions);
  Bitmapset* result = nullptr;
  for (int i = 0; i < index->rd_index->indnatts; i++) {
    const AttrNumber number = index->rd_index->indkey.values[i];
    if (number > 0) result = bms_add_member(result, number);
  }
  int member = -1;
  while ((member = bms_next_member(expressions, member)) >= 0) {
    const int number = member + FirstLowInvalidHeapAttributeNumber;
    // A whole row looks at every column.
    if (number == 0) {
      result = bms_add_range(result, 1, MaxHeapAttributeNumber);
    } else if (number > 0) {
      result = bms_add_member(result, number);
    }
  }
  return result;
}

bool follows_changes(::Relation index, Bitmapset* changed) {
  // Summarizing indexes do not stand in the way of HOT, from 16 on.
  if (pg::is_summarizing(index) || !index->rd_index->indislive) return false;
  return bms_overlap(columns_of_index(index), changed);
}

Bitmapset* with_generated(::Relation table, Bitmapset* changed) {
  const TupleDesc shape = RelationGetDescr(table);
  for (int i = 0; i < shape->natts && changed != nullptr; i++) {
    Form_pg_attribute attribute = TupleDescAttr(shape, i);
    if (attribute->attgenerated != '\0' && !attribute->attisdropped) {
      changed = bms_add_member(changed, attribute->attnum);
    }
  }
  return changed;
}

void read_indexes(::Relation table, Bitmapset* changed, PlainTable& plain) {
  List* indexes = RelationGetIndexList(table);
  ListCell* cell = nullptr;
  foreach (cell, indexes) {
    ::Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    PlainKey key;
    const bool usable = read_key(table, index, changed, key);
    if (usable && (plain.key.columns == 0 || lfirst_oid(cell) == table->rd_pkindex))
      plain.key = key;
    if (follows_changes(index, changed)) {
      plain.changed_index = quote_identifier(pstrdup(RelationGetRelationName(index)));
      plain.changes_key |= index->rd_index->indisunique;
    }
    index_close(index, NoLock);
  }
}

// The position of an error is one in our statement, not in the caller's.
void explain_position(void* sql) {
  const int position = geterrposition();
  if (position <= 0) return;
  errposition(0);
  internalerrposition(position);
  internalerrquery(static_cast<const char*>(sql));
}

Query* analyze(const char* sql) {
  ErrorContextCallback callback{error_context_stack, explain_position, const_cast<char*>(sql)};
  error_context_stack = &callback;
  List* raw = raw_parser(sql, RAW_PARSE_DEFAULT);
  Query* query =
      parse_analyze_fixedparams(static_cast<RawStmt*>(linitial(raw)), sql, nullptr, 0, nullptr);
  error_context_stack = callback.previous;
  return query;
}

// The columns that the statement sets, by analysing it.
Bitmapset* changed_columns(::Relation table, const char* sql) {
  const Query* query = analyze(sql);
  if (query->commandType != CMD_UPDATE) return nullptr;
  Bitmapset* result = nullptr;
  ListCell* cell = nullptr;
  foreach (cell, query->targetList) {
    const auto* entry = static_cast<const TargetEntry*>(lfirst(cell));
    if (!entry->resjunk) result = bms_add_member(result, entry->resno);
  }
  return with_generated(table, result);
}

// What triggers set when the statement changes something.
Bitmapset* with_maintained(::Relation table, Bitmapset* changed) {
  return changed != nullptr ? bms_union(changed, pg::maintained_columns(table).all) : nullptr;
}

bool sets_partition_key(::Relation table, Bitmapset* changed) {
  if (table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) return false;
  Bitmapset* shifted = nullptr;
  int member = -1;
  while ((member = bms_next_member(changed, member)) >= 0) {
    shifted = bms_add_member(shifted, member - FirstLowInvalidHeapAttributeNumber);
  }
  return has_partition_attrs(table, shifted, nullptr);
}

void read_size(::Relation table, PlainTable& plain) {
  plain.rows = 0;
  plain.pages = 0;
  if (!RELKIND_HAS_STORAGE(plain.kind)) return;
  plain.pages = std::int64_t(RelationGetNumberOfBlocks(table));
  const double known_pages = table->rd_rel->relpages;
  const double known_rows = table->rd_rel->reltuples;
  // Like the planner: rows grow with the pages since the last ANALYZE.
  plain.rows = known_rows >= 0 && known_pages > 0 ? known_rows / known_pages * double(plain.pages)
                                                  : double(plain.pages) * 50;
}

const char* qualified_name(Oid table) {
  const char* name = get_rel_name(table);
  if (name == nullptr) return nullptr;
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), name);
}

bool read_plain(Oid table, const char* sql, PlainTable& plain) {
  ::Relation relation = try_relation_open(table, RowExclusiveLock);
  if (relation == nullptr) return false;
  plain = PlainTable{};
  plain.kind = relation->rd_rel->relkind;
  plain.is_heap = relation->rd_rel->relam == HEAP_TABLE_AM_OID;
  plain.name = qualified_name(table);
  Bitmapset* changed = changed_columns(relation, sql);
  plain.moves_between_partitions = sets_partition_key(relation, changed);
  read_indexes(relation, with_maintained(relation, changed), plain);
  read_size(relation, plain);
  relation_close(relation, NoLock);
  return true;
}

bool may_change(Oid table, bool deletes) {
  const AclMode wanted = deletes ? ACL_DELETE : ACL_UPDATE;
  return pg_class_aclcheck(table, GetUserId(), wanted) == ACLCHECK_OK ||
         pg_attribute_aclcheck_all(table, GetUserId(), wanted, ACLMASK_ANY) == ACLCHECK_OK;
}

struct PlainSegments {
  Oid* tables;
  int count;
  bool together;
  Oid foreign_table;
};

PlainSegments find_segments(Oid target, bool deletes) {
  List* all = find_all_inheritors(target, AccessShareLock, nullptr);
  PlainSegments result{};
  result.tables = static_cast<Oid*>(palloc(sizeof(Oid) * std::size_t(list_length(all))));
  ListCell* cell = nullptr;
  foreach (cell, all) {
    const Oid table = lfirst_oid(cell);
    const char kind = get_rel_relkind(table);
    if (kind == RELKIND_FOREIGN_TABLE) result.foreign_table = table;
    if (kind != RELKIND_RELATION) continue;
    result.tables[result.count++] = table;
    // Rights and row security of the target are what counts when rows are reached through it.
    if (table != target && !may_change(table, deletes)) result.together = true;
  }
  const bool alone = result.count == 1 && result.tables[0] == target;
  if (!alone && check_enable_rls(target, InvalidOid, true) == RLS_ENABLED) result.together = true;
  return result;
}

// --- the wall
// -------------------------------------------------------------------------------------

Text kind_name(char kind) {
  switch (kind) {
    case RELKIND_VIEW:
      return Text("a view");
    case RELKIND_MATVIEW:
      return Text("a materialized view");
    case RELKIND_FOREIGN_TABLE:
      return Text("a foreign table");
    case RELKIND_SEQUENCE:
      return Text("a sequence");
    case RELKIND_INDEX:
    case RELKIND_PARTITIONED_INDEX:
      return Text("an index");
    default:
      return Text("no table");
  }
}

void add_key(const PlainKey& key, TableFacts& facts) {
  for (int i = 0; i < key.columns; i++) {
    const PlainColumn& column = key.column[i];
    facts.shape.key.push_back({Text(column.name), Text(column.operators[0]),
                               Text(column.operators[1]), Text(column.operators[2]),
                               Text(column.operators[3])});
    facts.key_types.push_back(column.type);
  }
}

// Of the first column of the key, by ANALYZE; 1 where it never ran.
double correlation_of(Oid table, const Text& column) {
  const Text id = core::number(std::int64_t(table));
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
SELECT s.stanumbers[1] FROM (
  SELECT CASE 3 WHEN stakind1 THEN stanumbers1 WHEN stakind2 THEN stanumbers2
                WHEN stakind3 THEN stanumbers3 WHEN stakind4 THEN stanumbers4
                WHEN stakind5 THEN stanumbers5 END AS stanumbers
    FROM pg_statistic JOIN pg_attribute ON attrelid = starelid AND attnum = staattnum
   WHERE starelid = $1::oid AND quote_ident(attname) = $2 AND NOT stainherit) AS s
 WHERE s.stanumbers IS NOT NULL)sql",
                                  {id.c_str(), column.c_str()});
  return rows.rows == 1 && rows.at(0, 0) != nullptr ? std::strtod(rows.at(0, 0), nullptr) : 1;
}

}  // namespace

Text name_of(Oid table) {
  const char* name = pg::call([&] { return qualified_name(table); });
  return name != nullptr ? Text(name) : concat({"the table with OID ", core::number(table)});
}

void check_target(const Request& request) {
  const Oid target = request.target;
  const char kind = pg::call([&] { return get_rel_relkind(target); });
  if (kind == '\0') {
    throw Error("42P01", concat({"no table has the OID ", core::number(std::int64_t(target))}));
  }
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) {
    throw Error("42809", concat({name_of(target), " is ", kind_name(kind)}), {},
                Text("Name the table that holds the rows."));
  }
  const bool of_the_system = pg::call(
      [&] { return IsCatalogRelationOid(target) || IsToastNamespace(get_rel_namespace(target)); });
  if (of_the_system) {
    throw Error("42809", concat({name_of(target), " belongs to the system"}), {},
                Text("Batches are for tables of your own."));
  }
}

Segments segments_of(const Request& request) {
  const PlainSegments plain =
      pg::call([&] { return find_segments(request.target, request.deletes); });
  if (OidIsValid(plain.foreign_table)) {
    throw Error("0A000", concat({name_of(request.target), " has a foreign table among its parts"}),
                concat({name_of(plain.foreign_table), " is a foreign table."}),
                Text("Name the other parts one by one."));
  }
  Segments result;
  result.together = plain.together;
  if (plain.together) {
    result.tables.push_back(request.target);
  } else {
    result.tables.assign(plain.tables, plain.tables + plain.count);
  }
  return result;
}

bool read_table(const Request& request, Oid table, bool together, TableFacts& facts) {
  facts = {};
  Shape& shape = facts.shape;
  const char* name = pg::call([&] { return qualified_name(table); });
  if (name == nullptr) return false;
  shape.table = together ? Text(name) : concat({"ONLY ", name});
  const char* alias = pg::call([&] {
    const char* plain = get_rel_name(request.target);
    return plain != nullptr ? quote_identifier(plain) : nullptr;
  });
  if (alias == nullptr) return false;
  shape.alias = Text(alias);
  shape.deletes = request.deletes;
  shape.set_clause = request.set_clause;
  shape.where_clause = request.where_clause;
  const Text sql = plain_change(shape);
  PlainTable plain{};
  if (!pg::call([&] { return read_plain(table, sql.c_str(), plain); })) return false;
  if (plain.moves_between_partitions) {
    throw Error("0A000", concat({"set_clause changes the partition key of ", name}),
                Text("Rows that change their partition would be met again."),
                Text("Move them with DELETE and INSERT, or update them one partition at a time."));
  }
  add_key(plain.key, facts);
  shape.changes_key = plain.changes_key;
  facts.rows = plain.rows;
  facts.traits.deletes = request.deletes;
  facts.traits.has_key = !facts.shape.key.empty();
  facts.traits.has_where = !request.where_clause.empty();
  if (plain.changed_index != nullptr) facts.traits.changed_index = Text(plain.changed_index);
  facts.traits.is_heap = plain.is_heap;
  facts.traits.pages = plain.pages;
  facts.traits.rows_per_page = plain.pages > 0 ? plain.rows / double(plain.pages) : 0;
  if (facts.traits.has_key) {
    facts.traits.correlation = correlation_of(table, shape.key.front().name);
  }
  return true;
}

Text horizon_holder(Oid table, FullTransactionId since) {
  const bool held = pg::call([&] {
    ::Relation relation = try_relation_open(table, AccessShareLock);
    if (relation == nullptr) return false;
    const TransactionId oldest = GetOldestNonRemovableTransactionId(relation);
    relation_close(relation, NoLock);
    return TransactionIdPrecedesOrEquals(oldest, XidFromFullTransactionId(since));
  });
  if (!held) return {};
  const pg::AsOwner owner;
  const pg::Rows rows = pg::query(R"sql(
SELECT who FROM (
  SELECT age(backend_xmin) AS age, format('session %s', pid) AS who
    FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
  UNION ALL
  SELECT greatest(age(xmin), age(catalog_xmin)), format('replication slot %s', quote_ident(slot_name))
    FROM pg_replication_slots WHERE xmin IS NOT NULL
  UNION ALL
  SELECT age(transaction), format('prepared transaction %s', quote_literal(gid)) FROM pg_prepared_xacts) AS holders
 ORDER BY age DESC LIMIT 1)sql");
  return concat({rows.rows == 1 ? rows.text(0, 0) : std::string_view("another session"),
                 " holds an old snapshot, which keeps dead rows from making room"});
}

}  // namespace db_guard::batch
