// revert_change and revert_transaction: rows get back what they held, all of a kind in one
// statement, in an order in which foreign keys hold at every step. All rows are looked at, and
// locked, before any is touched: what differs after that is the work of the table's own triggers
// and cascades. It runs with the caller's rights, and is audited like anything else.
#include "rowaudit/audit_net.hpp"
#include "rowaudit/audit_reading.hpp"
#include "rowaudit/audited_table.hpp"

extern "C" {
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
#include "utils/xid8.h"

PGDLLEXPORT Datum db_guard_revert_change(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_revert_change);
PGDLLEXPORT Datum db_guard_revert_transaction(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_revert_transaction);
}

namespace db_guard::rowaudit {

namespace {

constexpr int kListedConflicts = 10;

enum class Kind { kRestore, kChange, kRemove };

// A table that the changes were made in.
struct RevertedTable {
  int32 table_id;
  Oid relation;
  int rank;  // parents have lower ones
  const Shape* shape;
  Conversion* conversions;
  const Fold* fold;
  Bitmapset* followed;  // columns that a trigger sets whenever another one changes
  Bitmapset* stated;    // of them those that an UPDATE may have to state
};

// Rows of one table that are treated alike: the same columns.
struct Group {
  RevertedTable* table;
  Kind kind;
  Bitmapset* columns;  // attribute numbers that are told of
  bool moves;          // the key is among what has changed
  bool locked;         // all rows, as they were when they were found to be as expected
  List* nets;
};

struct Revert {
  NetChanges changes;
  List* tables;
  List* groups;
  StringInfoData conflicts;
  int conflict_count;
};

// --- what is to be reverted
// -------------------------------------------------------------------------

constexpr const char* kChange = "SELECT e.audit_id, e.op, e.payload FROM db_guard.audit_event e "
                                "WHERE e.audit_id = $1 AND e.op NOT IN ('B', 'T')";
// Numbers of transactions may occur again after a restore: the newest is meant.
constexpr const char* kTransaction =
    "SELECT t.commit_id, min(t.id) FROM db_guard.audit_transaction t WHERE t.txid = $1 "
    "AND t.commit_id IS NOT NULL GROUP BY t.commit_id ORDER BY t.commit_id DESC LIMIT 1";
// With numbers that are known when it is planned: it need not read the whole log.
constexpr const char* kOfTransaction =
    "SELECT e.audit_id, e.op, e.payload FROM db_guard.audit_event e "
    "WHERE e.transaction IN (SELECT t.id FROM db_guard.audit_transaction t "
    "WHERE t.commit_id = $1 AND t.id >= $2) AND e.audit_id >= $2 AND e.op NOT IN ('B', 'T') "
    "ORDER BY db_guard.audit_command(e.payload), e.audit_id";

int64 load_events(Revert& revert, const char* sql, const Arguments& arguments) {
  int64 events = 0;
  without_nested_loops([&] {
    visit_events(sql, arguments, [&](const Image& image, int64, TupleTableSlot*) {
      add_to_net(revert.changes, image);
      events++;
    });
  });
  return events;
}

int64 load_change(Revert& revert, int64 audit_id) {
  const Oid type = INT8OID;
  const Datum value = Int64GetDatum(audit_id);
  int64 events = 0;
  as_log_owner([&] { events = load_events(revert, kChange, {1, &type, &value, nullptr}); });
  return events;
}

int64 load_transaction(Revert& revert, FullTransactionId txid) {
  const Oid type = XID8OID;
  const Datum value = FullTransactionIdGetDatum(txid);
  int64 events = 0;
  as_log_owner([&] {
    if (run_sql_with(kTransaction, {1, &type, &value, nullptr}) == 0) return;
    const Oid types[] = {INT8OID, INT8OID};
    Datum bounds[2];
    for (int i = 0; i < 2; i++) {
      bool is_null = false;
      bounds[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &is_null);
    }
    events = load_events(revert, kOfTransaction, {2, types, bounds, nullptr});
  });
  return events;
}

Oid find_relation(int32 table_id) {
  const Oid types[] = {INT4OID};
  const Datum values[] = {Int32GetDatum(table_id)};
  Oid found = InvalidOid;
  as_log_owner([&] {
    const uint64 rows = run_sql_with(
        "SELECT coalesce((SELECT t.tgrelid FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE t.tgname = 'db_guard_audit_insert' AND NOT c.relispartition "
        "AND t.tgfoid = 'db_guard.audit_statement()'::regprocedure "
        "AND t.tgargs = (a.table_id::text || '\\000')::bytea), "
        "to_regclass(quote_ident(a.schema_name) || '.' || quote_ident(a.table_name))::oid) "
        "FROM db_guard.audited_table a WHERE a.table_id = $1",
        {1, types, values, nullptr});
    if (rows == 0) return;
    bool is_null = false;
    const Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
    if (!is_null) found = DatumGetObjectId(value);
  });
  if (!OidIsValid(found)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("a table that was changed does not exist any more"),
                    errdetail("It is table %d of db_guard.audited_table.", table_id),
                    errhint("What its rows were is in db_guard.audit_log.")));
  }
  return found;
}

constexpr const char* kFollowed =
    "SELECT a.attnum, f.stated FROM (SELECT m.column_name::name, m.feature = 'row_version' "
    "FROM db_guard.managed_tables m WHERE m.target = $1::regclass AND m.enabled "
    "AND m.feature IN ('updated_at', 'row_version') "
    "UNION ALL SELECT (db_guard.split_arguments(t.tgargs))[1]::name, false FROM pg_trigger t "
    "JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = $1 AND t.tgenabled <> 'D' "
    "AND p.probin = '$libdir/moddatetime') AS f (name, stated) "
    "JOIN pg_attribute a ON a.attrelid = $1 AND a.attname = f.name";

// They follow a revert, too, and a later change of them alone is in nobody's way.
void find_followed(RevertedTable* table) {
  const Oid types[] = {OIDOID};
  const Datum values[] = {ObjectIdGetDatum(table->relation)};
  const MemoryContext outside = CurrentMemoryContext;
  as_log_owner([&] {
    const uint64 rows = run_sql_with(kFollowed, {1, types, values, nullptr});
    const MemoryContext own = MemoryContextSwitchTo(outside);
    for (uint64 i = 0; i < rows; i++) {
      HeapTuple row = SPI_tuptable->vals[i];
      bool is_null = false;
      const int attnum = DatumGetInt16(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null));
      table->followed = bms_add_member(table->followed, attnum);
      if (!DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &is_null))) continue;
      table->stated = bms_add_member(table->stated, attnum);
    }
    MemoryContextSwitchTo(own);
  });
}

RevertedTable* table_of(Revert& revert, NetTable* net_table) {
  const int32 table_id = net_table->table_id;
  ListCell* cell = nullptr;
  foreach (cell, revert.tables) {
    auto* table = static_cast<RevertedTable*>(lfirst(cell));
    if (table->table_id == table_id) return table;
  }
  auto* table = static_cast<RevertedTable*>(palloc0(sizeof(RevertedTable)));
  table->table_id = table_id;
  table->relation = find_relation(table_id);
  Relation relation = table_open(table->relation, RowExclusiveLock);
  check_may_read(relation);
  table->shape = read_current_shape(relation, table_id, lists_of(table_id));
  learn_columns(net_table->fold, table->shape);
  table->fold = &net_table->fold;
  table->conversions = conversions_to(relation, table->shape);
  find_followed(table);
  table_close(relation, NoLock);
  revert.tables = lappend(revert.tables, table);
  return table;
}

// --- foreign keys
// -----------------------------------------------------------------------------------

bool refers_to(Oid child, Oid parent) {
  const Oid types[] = {OIDOID, OIDOID};
  const Datum values[] = {ObjectIdGetDatum(child), ObjectIdGetDatum(parent)};
  bool refers = false;
  as_log_owner([&] {
    refers = run_sql_with("SELECT FROM pg_constraint WHERE contype = 'f' AND conrelid = $1 "
                          "AND confrelid = $2",
                          {2, types, values, nullptr}) > 0;
  });
  return refers;
}

// As often as there are tables: longer chains there are not, and circles end.
void rank_tables(const Revert& revert) {
  const int count = list_length(revert.tables);
  for (int round = 1; round < count; round++) {
    for (int i = 0; i < count * count; i++) {
      auto* child = static_cast<RevertedTable*>(list_nth(revert.tables, i / count));
      const auto* parent = static_cast<RevertedTable*>(list_nth(revert.tables, i % count));
      if (child == parent || child->rank > parent->rank || parent->rank >= count) continue;
      if (refers_to(child->relation, parent->relation)) child->rank = parent->rank + 1;
    }
  }
}

// --- groups
// -----------------------------------------------------------------------------------------

State state_in(const FoldedRow& row, int16 column_id) {
  return column_id < row.width ? row.values[column_id].state : State::kUnknown;
}

bool is_told(const Net* net, Kind kind, int16 column_id) {
  const State before = state_in(net->before, column_id);
  const State after = state_in(net->after, column_id);
  if (kind == Kind::kRestore) return before != State::kUnknown;
  if (kind == Kind::kRemove) return after != State::kUnknown;
  return before != State::kUnknown && after != State::kUnknown;
}

bool is_hidden(const Net* net, int16 column_id) {
  return state_in(net->before, column_id) == State::kHidden ||
         state_in(net->after, column_id) == State::kHidden;
}

bool is_redacted_change(const Net* net, const Shape* shape, int i) {
  return shape->column[i].form == Form::kRedacted && is_hidden(net, shape->column[i].id);
}

void check_redacted(Relation relation, const Net* net, const Shape* shape) {
  for (int i = 0; i < shape->columns; i++) {
    if (!is_redacted_change(net, shape, i)) continue;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("column \"%s\" of \"%s\" cannot be reverted", shape->column[i].name,
                           RelationGetRelationName(relation)),
                    errdetail("It is redacted: the log does not have what it held."),
                    errhint("Revert the other columns by hand; db_guard.audit_history has them."),
                    errtable(relation)));
  }
}

Bitmapset* told_columns(const RevertedTable* table, Relation relation, const Net* net, Kind kind) {
  Bitmapset* columns = nullptr;
  TupleDesc desc = RelationGetDescr(relation);
  for (int i = 0; i < desc->natts; i++) {
    const int16 id = table->conversions[i].column_id;
    if (id == 0 || TupleDescAttr(desc, i)->attgenerated != '\0' || is_hidden(net, id)) continue;
    if (is_told(net, kind, id)) columns = bms_add_member(columns, i + 1);
  }
  return columns;
}

bool is_key(const RevertedTable* table, int attnum) {
  for (int i = 0; i < table->shape->keys; i++) {
    if (table->shape->column[i].attnum == attnum) return true;
  }
  return false;
}

// Where nothing else has changed, nothing is followed.
Bitmapset* without_followed(const RevertedTable* table, Bitmapset* columns, bool moves) {
  Bitmapset* left = bms_difference(columns, table->followed);
  if (moves) return left;
  int attnum = -1;
  while ((attnum = bms_next_member(left, attnum)) >= 0) {
    if (!is_key(table, attnum)) return left;
  }
  return columns;
}

bool moves_key(const RevertedTable* table, const Net* net) {
  for (int i = 0; i < table->shape->keys; i++) {
    const int16 id = table->shape->column[i].id;
    const Value before = folded_value(*table->fold, &net->before, id);
    if (!is_same_value(before, folded_value(*table->fold, &net->after, id))) return true;
  }
  return false;
}

void put_in_group(Revert& revert, RevertedTable* table, Net* net, Kind kind) {
  Relation relation = table_open(table->relation, NoLock);
  if (kind != Kind::kRemove) check_redacted(relation, net, net->shape);
  Bitmapset* columns = told_columns(table, relation, net, kind);
  table_close(relation, NoLock);
  const bool moves = kind == Kind::kChange && moves_key(table, net);
  if (kind != Kind::kRestore && table->shape->keys > 0) {
    columns = without_followed(table, columns, moves);
  }
  ListCell* cell = nullptr;
  foreach (cell, revert.groups) {
    auto* group = static_cast<Group*>(lfirst(cell));
    if (group->table != table || group->kind != kind || group->moves != moves) continue;
    if (!bms_equal(group->columns, columns)) continue;
    group->nets = lappend(group->nets, net);
    return;
  }
  auto* group = static_cast<Group*>(palloc0(sizeof(Group)));
  *group = {table, kind, columns, moves, false, list_make1(net)};
  revert.groups = lappend(revert.groups, group);
}

void put_in_groups(Revert& revert, Net* net) {
  if (!net->had && !net->has) return;
  RevertedTable* table = table_of(revert, net->table);
  const bool by_key = table->shape->keys > 0;
  if (net->had && net->has && by_key) {
    put_in_group(revert, table, net, Kind::kChange);
    return;
  }
  // Without a key a changed row is one that went and one that came.
  if (net->had) put_in_group(revert, table, net, Kind::kRestore);
  if (net->has) put_in_group(revert, table, net, Kind::kRemove);
}

// Parents first: rows that give back their key, rows that come back, and the others.
int compare_kept(const Group* left, const Group* right) {
  if (left->table->rank != right->table->rank) return left->table->rank - right->table->rank;
  if (left->moves != right->moves) return left->moves ? -1 : 1;
  return static_cast<int>(left->kind) - static_cast<int>(right->kind);
}

int compare_groups(const ListCell* a, const ListCell* b, bool removes_first) {
  const auto* left = static_cast<const Group*>(lfirst(a));
  const auto* right = static_cast<const Group*>(lfirst(b));
  const bool removes = left->kind == Kind::kRemove;
  if (removes != (right->kind == Kind::kRemove)) return removes == removes_first ? -1 : 1;
  return removes ? right->table->rank - left->table->rank : compare_kept(left, right);
}

int compare_removing_last(const ListCell* a, const ListCell* b) {
  return compare_groups(a, b, false);
}
int compare_removing_first(const ListCell* a, const ListCell* b) {
  return compare_groups(a, b, true);
}

// --- rows for SQL
// -----------------------------------------------------------------------------------

// In SQL the rows of a group are the table "reverted": o1, o2 ... before and n1, n2 ... after.
Datum value_of(const Group* group, const FoldedRow& row, int attnum, bool* is_null) {
  const Conversion& conversion = group->table->conversions[attnum - 1];
  if (row.values == nullptr) {
    *is_null = true;
    return Datum(0);
  }
  return convert_value(conversion, folded_column(*group->table->fold, conversion.column_id),
                       folded_value(*group->table->fold, &row, conversion.column_id), is_null);
}

TupleDesc describe_rows(const Group* group, Relation relation) {
  TupleDesc desc = CreateTemplateTupleDesc(2 * bms_num_members(group->columns));
  int number = 0;
  int attnum = -1;
  while ((attnum = bms_next_member(group->columns, attnum)) >= 0) {
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
    for (const char* side : {"o", "n"}) {
      number++;
      TupleDescInitEntry(desc, AttrNumber(number), psprintf("%s%d", side, attnum),
                         attribute->atttypid, attribute->atttypmod, attribute->attndims);
      TupleDescInitEntryCollation(desc, AttrNumber(number), attribute->attcollation);
    }
  }
  return desc;
}

void put_net(const Group* group, const Net* net, Tuplestorestate* store, TupleDesc desc) {
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * Size(Max(desc->natts, 1))));
  auto* nulls = static_cast<bool*>(palloc0(Size(Max(desc->natts, 1))));
  int number = 0;
  int attnum = -1;
  while ((attnum = bms_next_member(group->columns, attnum)) >= 0) {
    values[number] = value_of(group, net->before, attnum, &nulls[number]);
    number++;
    values[number] = value_of(group, net->after, attnum, &nulls[number]);
    number++;
  }
  tuplestore_putvalues(store, desc, values, nulls);
}

void show_rows(const Group* group, List* nets) {
  Relation relation = table_open(group->table->relation, NoLock);
  TupleDesc desc = describe_rows(group, relation);
  Tuplestorestate* store = tuplestore_begin_heap(true, false, work_mem);
  const AsOwner state = enter_table_owner(relation);
  ListCell* cell = nullptr;
  foreach (cell, nets) put_net(group, static_cast<Net*>(lfirst(cell)), store, desc);
  leave_table_owner(state);
  table_close(relation, NoLock);
  auto* rows = static_cast<EphemeralNamedRelation>(palloc0(sizeof(EphemeralNamedRelationData)));
  rows->md.name = pstrdup("reverted");
  rows->md.reliddesc = InvalidOid;
  rows->md.tupdesc = desc;
  rows->md.enrtype = ENR_NAMED_TUPLESTORE;
  rows->md.enrtuples = list_length(nets);
  rows->reldata = store;
  const int code = SPI_register_relation(rows);
  if (code != SPI_OK_REL_REGISTER) elog(ERROR, "SPI_register_relation: %d", code);
}

// --- statements
// -------------------------------------------------------------------------------------

enum class Which { kAll, kKey, kRest };

// A part for each column: %c its name in the table, %l that as a literal, %o and %n before and
// after.
const char* list_columns(const Group* group, const char* pattern, const char* between,
                         Which which) {
  StringInfoData text;
  initStringInfo(&text);
  int attnum = -1;
  while ((attnum = bms_next_member(group->columns, attnum)) >= 0) {
    if (is_key(group->table, attnum) ? which == Which::kRest : which == Which::kKey) continue;
    if (text.len > 0) appendStringInfoString(&text, between);
    const char* name =
        quote_identifier(get_attname(group->table->relation, AttrNumber(attnum), false));
    for (const char* at = pattern; *at != '\0'; at++) {
      if (*at != '%') {
        appendStringInfoChar(&text, *at);
      } else if (*++at == 'c') {
        appendStringInfoString(&text, name);
      } else if (*at == 'l') {
        appendStringInfoString(&text, quote_literal_cstr(name));
      } else {
        appendStringInfo(&text, "%c%d", *at, attnum);
      }
    }
  }
  return text.data;
}

const char* table_name(const Group* group) {
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(group->table->relation)),
                                    get_rel_name(group->table->relation));
}

const char* has_key_of(const Group* group, char side) {
  if (group->table->shape->keys == 0) return "true";
  return list_columns(group, psprintf("t.%%c = r.%%%c", side), " AND ", Which::kKey);
}

// Whether row t is as the group's row on that side; values are compared as they are stored.
const char* is_as(const Group* group, char side) {
  const char* keys = has_key_of(group, side);
  const char* left = list_columns(group, "t.%c", ", ", Which::kAll);
  const char* right = list_columns(group, psprintf("r.%%%c", side), ", ", Which::kAll);
  return psprintf(
      "%s AND ROW(%s)::pg_catalog.record OPERATOR(pg_catalog.*=) ROW(%s)::pg_catalog.record", keys,
      left, right);
}

uint64 run_revert(const char* sql) {
  const int code = SPI_execute(sql, false, 0);
  if (code < 0) elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(code));
  return SPI_processed;
}

// For what only looks at the table, row by row: by the index of its key, whatever the planner
// believes of a table that it may know nothing of. What writes is not run so, for triggers would
// run so, too.
uint64 look_up(const Group* group, const char* sql) {
  const int level = NewGUCNestLevel();
  if (group->table->shape->keys > 0) {
    for (const char* setting : {"enable_hashjoin", "enable_mergejoin"}) {
      (void)set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                              false);
    }
  }
  const uint64 rows = run_revert(sql);
  AtEOXact_GUC(true, level);
  return rows;
}

// The query tells of which row, and what is the matter with it.
void add_conflicts(Revert& revert, const Group* group, const char* sql) {
  const uint64 rows = look_up(group, sql);
  for (uint64 i = 0; i < rows; i++) {
    if (revert.conflict_count++ >= kListedConflicts) continue;
    const char* key = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
    const char* what = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
    if (revert.conflicts.len > 0) appendStringInfoChar(&revert.conflicts, '\n');
    appendStringInfo(&revert.conflicts, "%s %s %s.", table_name(group), key != nullptr ? key : "",
                     what != nullptr ? what : "");
  }
}

const char* key_text(const Group* group, char side) {
  const bool has_key = group->table->shape->keys > 0;
  return psprintf(
      "pg_catalog.format('%%s', ROW(%s))",
      list_columns(group, psprintf("r.%%%c", side), ", ", has_key ? Which::kKey : Which::kAll));
}

// SELECT FOR UPDATE needs more than DELETE does.
bool may_lock(const Group* group) {
  const Oid table = group->table->relation;
  const Oid user = GetUserId();
  return pg_class_aclcheck(table, user, ACL_UPDATE) == ACLCHECK_OK ||
         pg_attribute_aclcheck_all(table, user, ACL_UPDATE, ACLMASK_ANY) == ACLCHECK_OK;
}

// True where all rows are as they should be.
bool lock_rows(Group* group) {
  const bool key_stays = group->kind == Kind::kChange && !group->moves;
  (void)look_up(group, psprintf("SELECT pg_catalog.count(*) FROM (SELECT FROM reverted r JOIN %s t "
                                "ON %s FOR %s OF t) AS locked",
                                table_name(group), is_as(group, 'n'),
                                key_stays ? "NO KEY UPDATE" : "UPDATE"));
  bool is_null = false;
  const Datum rows = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
  group->locked = DatumGetInt64(rows) == list_length(group->nets);
  return group->locked;
}

void report_race(const Group* group) {
  ereport(ERROR,
          (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
           errmsg("rows of %s were changed while they were being reverted", table_name(group)),
           errdetail("Another transaction, or a trigger, was faster."), errhint("Try again.")));
}

// Of rows that are locked.
void report_refusal(const Group* group) {
  ereport(ERROR,
          (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
           errmsg("rows of %s could not be reverted", table_name(group)),
           errdetail("A trigger or a policy of row-level security kept them from it, or a cascade "
                     "took them away."),
           errhint("Nothing was reverted. Look at the table's BEFORE triggers and policies.")));
}

// Rows that are not as they were left, and in what.
const char* changed_rows(const Group* group) {
  const char* table = table_name(group);
  const char* key = key_text(group, 'n');
  if (group->table->shape->keys == 0) {
    return psprintf("SELECT %s, 'was changed or deleted later' FROM reverted r "
                    "WHERE NOT EXISTS (SELECT FROM %s t WHERE %s)",
                    key, table, is_as(group, 'n'));
  }
  const char* columns =
      list_columns(group,
                   "CASE WHEN ROW(t.%c)::pg_catalog.record OPERATOR(pg_catalog.*<>) "
                   "ROW(r.%n)::pg_catalog.record THEN %l END",
                   ", ", Which::kAll);
  return psprintf("SELECT %s, CASE WHEN t.tableoid IS NULL THEN 'was deleted later' "
                  "ELSE 'was changed later in ' || pg_catalog.concat_ws(', ', %s) END "
                  "FROM reverted r LEFT JOIN %s t ON %s WHERE t.tableoid IS NULL OR NOT (%s)",
                  key, columns, table, has_key_of(group, 'n'), is_as(group, 'n'));
}

// What is in the way: looked for in all tables before anything is touched.
void find_conflicts(Revert& revert, Group* group) {
  const bool has_key = group->table->shape->keys > 0;
  if (group->kind == Kind::kRestore) {
    if (!has_key) return;
    add_conflicts(revert, group,
                  psprintf("SELECT %s, 'is there again' FROM reverted r "
                           "WHERE EXISTS (SELECT FROM %s t WHERE %s)",
                           key_text(group, 'o'), table_name(group), has_key_of(group, 'o')));
    return;
  }
  const bool locks = group->kind == Kind::kChange || (has_key && may_lock(group));
  if (locks && lock_rows(group)) return;
  const int known = revert.conflict_count;
  add_conflicts(revert, group, changed_rows(group));
  // Seen, but not to be changed.
  if (group->kind == Kind::kChange && revert.conflict_count == known) report_refusal(group);
}

void report_conflicts(const Revert& revert) {
  if (revert.conflict_count == 0) return;
  const int more = revert.conflict_count - kListedConflicts;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg_plural("a later change of %d row is in the way",
                                "later changes of %d rows are in the way",
                                (unsigned long)revert.conflict_count, revert.conflict_count),
                  errdetail_internal("%s%s", revert.conflicts.data,
                                     more > 0 ? psprintf("\nAnd %d more.", more) : ""),
                  errhint("Revert the later changes first; db_guard.audit_history shows them.")));
}

void check_complete(const Group* group, uint64 rows) {
  if (rows == uint64(list_length(group->nets))) return;
  if (group->kind == Kind::kRemove && !group->locked) report_race(group);
  report_refusal(group);
}

void restore_rows(const Group* group) {
  check_complete(
      group, run_revert(psprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT "
                                 "%s FROM reverted r",
                                 table_name(group), list_columns(group, "%c", ", ", Which::kAll),
                                 list_columns(group, "r.%o", ", ", Which::kAll))));
}

// What the UPDATE sets, and that it knows the version that it changes.
const char* assignments(const Group* group, Which which) {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoString(&text, list_columns(group, "%c = r.%o", ", ", which));
  if (text.len == 0) return text.data;
  int attnum = -1;
  while ((attnum = bms_next_member(group->table->stated, attnum)) >= 0) {
    if (bms_is_member(attnum, group->columns)) continue;
    const char* name =
        quote_identifier(get_attname(group->table->relation, AttrNumber(attnum), false));
    appendStringInfo(&text, ", %s = t.%s", name, name);
  }
  return text.data;
}

// Of rows whose key a cascade has taken back already; the other columns it has not.
uint64 change_moved_rows(const Group* group) {
  const char* table = table_name(group);
  const char* rest = assignments(group, Which::kRest);
  if (*rest != '\0') {
    (void)run_revert(psprintf("UPDATE %s AS t SET %s FROM reverted r WHERE %s AND NOT (%s)", table,
                              rest, has_key_of(group, 'o'), is_as(group, 'o')));
  }
  return look_up(group, psprintf("SELECT FROM reverted r WHERE EXISTS (SELECT FROM %s t WHERE %s)",
                                 table, has_key_of(group, 'o')));
}

void change_rows(const Group* group) {
  const char* columns = assignments(group, group->moves ? Which::kAll : Which::kRest);
  // What has changed may have been dropped since.
  if (*columns == '\0') return;
  uint64 rows = run_revert(psprintf("UPDATE %s AS t SET %s FROM reverted r WHERE %s",
                                    table_name(group), columns, has_key_of(group, 'n')));
  if (group->moves && rows < uint64(list_length(group->nets))) rows = change_moved_rows(group);
  check_complete(group, rows);
}

void remove_rows(const Group* group) {
  check_complete(
      group, run_revert(psprintf("DELETE FROM %s AS t USING reverted r WHERE %s", table_name(group),
                                 group->locked ? has_key_of(group, 'n') : is_as(group, 'n'))));
}

// Equal rows may be there more often than they are to be removed.
void remove_one_row(const Group* group) {
  const char* table = table_name(group);
  const uint64 rows = run_revert(psprintf("DELETE FROM %s AS d WHERE (d.tableoid, d.ctid) = "
                                          "(SELECT t.tableoid, t.ctid FROM %s t, reverted r "
                                          "WHERE %s LIMIT 1)",
                                          table, table, is_as(group, 'n')));
  if (rows != 1) report_race(group);
}

template <class Body>
void with_rows(const Group* group, List* nets, Body&& body) {
  show_rows(group, nets);
  body();
  SPI_unregister_relation("reverted");
}

void apply_group(const Group* group) {
  if (group->kind == Kind::kRemove && group->table->shape->keys == 0) {
    ListCell* cell = nullptr;
    foreach (cell, group->nets) {
      with_rows(group, list_make1(lfirst(cell)), [&] { remove_one_row(group); });
    }
    return;
  }
  with_rows(group, group->nets, [&] {
    if (group->kind == Kind::kRestore) restore_rows(group);
    if (group->kind == Kind::kChange) change_rows(group);
    if (group->kind == Kind::kRemove) remove_rows(group);
  });
}

void find_all_conflicts(Revert& revert) {
  ListCell* cell = nullptr;
  foreach (cell, revert.groups) {
    auto* group = static_cast<Group*>(lfirst(cell));
    with_rows(group, group->nets, [&] { find_conflicts(revert, group); });
  }
  report_conflicts(revert);
}

void apply_in_order(const Revert& revert, list_sort_comparator order) {
  list_sort(revert.groups, order);
  ListCell* cell = nullptr;
  foreach (cell, revert.groups) apply_group(static_cast<Group*>(lfirst(cell)));
}

// Of keys that are there twice or not there, or rows that a cascade took along.
bool depends_on_order(const ErrorData* error) {
  return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
         error->sqlerrcode == ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION;
}

// Null where it went well; all it did is undone where it did not.
ErrorData* try_in_order(const Revert& revert, list_sort_comparator order) {
  const MemoryContext memory = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  ErrorData* volatile error = nullptr;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(memory);
  PG_TRY();
  {
    apply_in_order(revert, order);
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(memory);
    error = CopyErrorData();
    if (!depends_on_order(error)) PG_RE_THROW();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    (void)SPI_unregister_relation("reverted");
  }
  PG_END_TRY();
  MemoryContextSwitchTo(memory);
  CurrentResourceOwner = owner;
  return error;
}

// A new row may have taken the key that another one is to get back, and goes first then; or old
// ones may have come to refer to it, and it goes last. Which it is, the constraints know.
void apply_groups(const Revert& revert) {
  ErrorData* error = try_in_order(revert, compare_removing_last);
  if (error == nullptr || try_in_order(revert, compare_removing_first) == nullptr) return;
  ReThrowError(error);
}

int64 count_rows(const Revert& revert) {
  int64 rows = 0;
  ListCell* cell = nullptr;
  foreach (cell, revert.groups) rows += list_length(static_cast<Group*>(lfirst(cell))->nets);
  return rows;
}

template <class Load>
int64 run_whole_revert(Load&& load, const char* what) {
  Revert revert{};
  revert.changes = begin_net();
  if (load(revert) == 0) {
    ereport(ERROR,
            (errcode(ERRCODE_NO_DATA_FOUND), errmsg("the audit log has no change of %s", what),
             errdetail("It may have been pruned, or not have changed an audited table."),
             errhint("db_guard.audit_log has audit_id and txid of what was recorded.")));
  }
  ListCell* cell = nullptr;
  foreach (cell, revert.changes.nets) put_in_groups(revert, static_cast<Net*>(lfirst(cell)));
  rank_tables(revert);
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  initStringInfo(&revert.conflicts);
  find_all_conflicts(revert);
  apply_groups(revert);
  SPI_finish();
  return count_rows(revert);
}

}  // namespace

}  // namespace db_guard::rowaudit

Datum db_guard_revert_change(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  const int64 audit_id = PG_GETARG_INT64(0);
  PG_RETURN_INT64(run_whole_revert([&](Revert& revert) { return load_change(revert, audit_id); },
                                   psprintf("audit_id " INT64_FORMAT, audit_id)));
}

Datum db_guard_revert_transaction(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  const FullTransactionId txid = DatumGetFullTransactionId(PG_GETARG_DATUM(0));
  PG_RETURN_INT64(
      run_whole_revert([&](Revert& revert) { return load_transaction(revert, txid); },
                       psprintf("transaction " UINT64_FORMAT, U64FromFullTransactionId(txid))));
}
