#include "rowaudit/revert_groups.hpp"

#include "rowaudit/audited_table.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/rel.h"
}

namespace db_guard::rowaudit {

namespace {

struct Grouping {
  List* tables;
  List* groups;
};

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

RevertedTable* table_of(Grouping& grouping, NetTable* net_table) {
  const int32 table_id = net_table->table_id;
  ListCell* cell = nullptr;
  foreach (cell, grouping.tables) {
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
  table->followed = pg::maintained_columns(relation);
  table_close(relation, NoLock);
  grouping.tables = lappend(grouping.tables, table);
  return table;
}

constexpr const char* kReferences =
    "SELECT array_position($1, conrelid) - 1, array_position($1, confrelid) - 1 FROM pg_constraint "
    "WHERE contype = 'f' AND conrelid = ANY ($1) AND confrelid = ANY ($1) AND conrelid <> "
    "confrelid";

RevertedTable* table_at(const Grouping& grouping, HeapTuple row, int column) {
  bool is_null = false;
  const Datum position = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);
  return static_cast<RevertedTable*>(list_nth(grouping.tables, DatumGetInt32(position)));
}

// As often as there are tables: longer chains there are not, and circles end.
void follow_references(const Grouping& grouping, uint64 references) {
  const int count = list_length(grouping.tables);
  for (int round = 1; round < count; round++) {
    for (uint64 i = 0; i < references; i++) {
      RevertedTable* child = table_at(grouping, SPI_tuptable->vals[i], 1);
      const RevertedTable* parent = table_at(grouping, SPI_tuptable->vals[i], 2);
      if (child->rank <= parent->rank && parent->rank < count) child->rank = parent->rank + 1;
    }
  }
}

void rank_tables(const Grouping& grouping) {
  const int count = list_length(grouping.tables);
  if (count < 2) return;
  auto* relations = static_cast<Datum*>(palloc(sizeof(Datum) * Size(count)));
  for (int i = 0; i < count; i++) {
    const auto* table = static_cast<RevertedTable*>(list_nth(grouping.tables, i));
    relations[i] = ObjectIdGetDatum(table->relation);
  }
  const Oid types[] = {OIDARRAYOID};
  const Datum values[] = {
      PointerGetDatum(construct_array(relations, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT))};
  as_log_owner([&] {
    follow_references(grouping, run_sql_with(kReferences, {1, types, values, nullptr}));
  });
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

// Where nothing else has changed, nothing is followed.
Bitmapset* without_followed(const RevertedTable* table, Bitmapset* columns, bool moves) {
  Bitmapset* left = bms_difference(columns, table->followed.all);
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

void put_in_group(Grouping& grouping, RevertedTable* table, Net* net, Kind kind) {
  Relation relation = table_open(table->relation, NoLock);
  if (kind != Kind::kRemove) check_redacted(relation, net, net->shape);
  Bitmapset* columns = told_columns(table, relation, net, kind);
  table_close(relation, NoLock);
  const bool moves = kind == Kind::kChange && moves_key(table, net);
  if (kind != Kind::kRestore && table->shape->keys > 0) {
    columns = without_followed(table, columns, moves);
  }
  ListCell* cell = nullptr;
  foreach (cell, grouping.groups) {
    auto* group = static_cast<Group*>(lfirst(cell));
    if (group->table != table || group->kind != kind || group->moves != moves) continue;
    if (!bms_equal(group->columns, columns)) continue;
    group->nets = lappend(group->nets, net);
    return;
  }
  auto* group = static_cast<Group*>(palloc0(sizeof(Group)));
  *group = {table, kind, columns, moves, false, list_make1(net)};
  grouping.groups = lappend(grouping.groups, group);
}

void put_in_groups(Grouping& grouping, Net* net) {
  if (!net->had && !net->has) return;
  RevertedTable* table = table_of(grouping, net->table);
  const bool by_key = table->shape->keys > 0;
  if (net->had && net->has && by_key) {
    put_in_group(grouping, table, net, Kind::kChange);
    return;
  }
  // Without a key a changed row is one that went and one that came.
  if (net->had) put_in_group(grouping, table, net, Kind::kRestore);
  if (net->has) put_in_group(grouping, table, net, Kind::kRemove);
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

}  // namespace

bool is_key(const RevertedTable* table, int attnum) {
  for (int i = 0; i < table->shape->keys; i++) {
    if (table->shape->column[i].attnum == attnum) return true;
  }
  return false;
}

int compare_removing_last(const ListCell* a, const ListCell* b) {
  return compare_groups(a, b, false);
}
int compare_removing_first(const ListCell* a, const ListCell* b) {
  return compare_groups(a, b, true);
}

List* groups_of(const NetChanges& changes) {
  Grouping grouping{};
  ListCell* cell = nullptr;
  foreach (cell, changes.nets) put_in_groups(grouping, static_cast<Net*>(lfirst(cell)));
  rank_tables(grouping);
  return grouping.groups;
}

}  // namespace db_guard::rowaudit
