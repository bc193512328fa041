#include "rowaudit/revert_statements.hpp"

#include "pg/operator_name.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"
}

namespace db_guard::rowaudit {

namespace {

constexpr const char* kShownRows = "reverted";

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
  rows->md.name = pstrdup(kShownRows);
  rows->md.reliddesc = InvalidOid;
  rows->md.tupdesc = desc;
  rows->md.enrtype = ENR_NAMED_TUPLESTORE;
  rows->md.enrtuples = list_length(nets);
  rows->reldata = store;
  const int code = SPI_register_relation(rows);
  if (code != SPI_OK_REL_REGISTER) elog(ERROR, "SPI_register_relation: %d", code);
}

enum class Which { kAll, kKey, kRest };

// A part for each column: %c its name in the table, %l that as a literal, %= the equality of its
// type, %o and %n before and after.
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
      } else if (*at == '=') {
        const Oid type = get_atttype(group->table->relation, AttrNumber(attnum));
        appendStringInfoString(&text, pg::equality_name(type));
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
  return list_columns(group, psprintf("t.%%c %%= r.%%%c", side), " AND ", Which::kKey);
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
void add_conflicts(Conflicts& conflicts, const Group* group, const char* sql) {
  const uint64 rows = look_up(group, sql);
  for (uint64 i = 0; i < rows; i++) {
    if (conflicts.count++ >= kListedConflicts) continue;
    const char* key = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
    const char* what = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
    if (conflicts.text.len > 0) appendStringInfoChar(&conflicts.text, '\n');
    appendStringInfo(&conflicts.text, "%s %s %s.", table_name(group), key != nullptr ? key : "",
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
  return psprintf(
      "SELECT %s, CASE WHEN t.tableoid IS NULL THEN 'was deleted later' "
      "ELSE pg_catalog.concat('was changed later in ', pg_catalog.concat_ws(', ', %s)) END "
      "FROM reverted r LEFT JOIN %s t ON %s WHERE t.tableoid IS NULL OR NOT (%s)",
      key, columns, table, has_key_of(group, 'n'), is_as(group, 'n'));
}

void look_for_conflicts(Conflicts& conflicts, Group* group) {
  const bool has_key = group->table->shape->keys > 0;
  if (group->kind == Kind::kRestore) {
    if (!has_key) return;
    add_conflicts(conflicts, group,
                  psprintf("SELECT %s, 'is there again' FROM reverted r "
                           "WHERE EXISTS (SELECT FROM %s t WHERE %s)",
                           key_text(group, 'o'), table_name(group), has_key_of(group, 'o')));
    return;
  }
  const bool locks = group->kind == Kind::kChange || (has_key && may_lock(group));
  if (locks && lock_rows(group)) return;
  const int known = conflicts.count;
  add_conflicts(conflicts, group, changed_rows(group));
  // Seen, but not to be changed.
  if (group->kind == Kind::kChange && conflicts.count == known) report_refusal(group);
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
  while ((attnum = bms_next_member(group->table->followed.versions, attnum)) >= 0) {
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
  const uint64 rows = run_revert(psprintf("DELETE FROM %s AS d WHERE (d.tableoid, d.ctid) "
                                          "OPERATOR(pg_catalog.=) "
                                          "(SELECT t.tableoid, t.ctid FROM %s t, reverted r "
                                          "WHERE %s LIMIT 1)",
                                          table, table, is_as(group, 'n')));
  if (rows != 1) report_race(group);
}

template <class Body>
void with_rows(const Group* group, List* nets, Body&& body) {
  show_rows(group, nets);
  body();
  SPI_unregister_relation(kShownRows);
}

}  // namespace

void find_conflicts(Conflicts& conflicts, Group* group) {
  with_rows(group, group->nets, [&] { look_for_conflicts(conflicts, group); });
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

void forget_shown_rows() { (void)SPI_unregister_relation(kShownRows); }

}  // namespace db_guard::rowaudit
