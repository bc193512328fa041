// audit_entries and audit_history: the events, readably.
#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_json.hpp"
#include "rowaudit/audit_reading.hpp"
#include "rowaudit/audited_table.hpp"
#include "rowaudit/index_insertion.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PGDLLEXPORT Datum db_guard_audit_entries(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_entries);
PGDLLEXPORT Datum db_guard_audit_history(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_history);
PGDLLEXPORT Datum db_guard_audit_key_hash(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_key_hash);
PGDLLEXPORT Datum db_guard_audit_command(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_command);
}

namespace db_guard::rowaudit {

namespace {

constexpr int kMaxColumns = 18;

struct ResultRow {
  Datum values[kMaxColumns];
  bool nulls[kMaxColumns];
};

void put(ResultRow& row, int column, Datum value) {
  row.values[column] = value;
  row.nulls[column] = false;
}

ResultRow empty_row() {
  ResultRow row{};
  for (bool& is_null : row.nulls) is_null = true;
  return row;
}

// Column `from` of the query's row, as it is.
void copy_column(ResultRow& row, int to, TupleTableSlot* event, int from) {
  row.values[to] = slot_getattr(event, from, &row.nulls[to]);
}

const char* name_of_op(Op op) {
  switch (op) {
    case Op::kInsert:
      return "INSERT";
    case Op::kUpdate:
    case Op::kUpdateFull:
    case Op::kMove:
      return "UPDATE";
    case Op::kDelete:
      return "DELETE";
    case Op::kTruncated:
    case Op::kTruncate:
      return "TRUNCATE";
    case Op::kBaseline:
      return "BASELINE";
  }
  return "unknown";
}

Datum time_datum(int64 tick) { return TimestampTzGetDatum(time_of(tick)); }

// --- the whole log
// --------------------------------------------------------------------------------

// The partitions that cannot hold anything of interest are not looked at. A list of one and not the
// table itself: of a constant the planner of 16 and later makes a join that only a loop can run.
constexpr const char* kEntries =
    "SELECT e.audit_id, e.op, e.payload, t.commit_id, t.txid, e.table_id, a.schema_name, "
    "a.table_name, t.role_name, t.session_user_name, t.claimed_actor, t.context, "
    "t.application_name, t.client_address "
    "FROM db_guard.audit_event e LEFT JOIN db_guard.audit_transaction t ON t.id = e.transaction "
    "LEFT JOIN db_guard.audited_table a ON a.table_id = e.table_id "
    "WHERE ($1 IS NULL OR e.table_id = ANY ($1)) AND e.audit_id >= $2 AND e.audit_id < $3 "
    "ORDER BY e.audit_id";

bool* key_mask(const Shape* shape) {
  auto* mask = static_cast<bool*>(palloc0(Size(Max(shape->columns, 1))));
  for (int i = 0; i < shape->keys; i++) mask[i] = true;
  return mask;
}

void put_images(ResultRow& row, const Image& image) {
  const bool* only = image.op == Op::kUpdate ? image.changed : nullptr;
  const Value* known = image.has_old ? image.old_values : image.new_values;
  const bool has_row = image.has_old || image.has_new;
  if (has_row && image.shape->keys > 0) {
    put(row, 8, json_of_values(image.shape, known, key_mask(image.shape)));
  }
  if (image.has_old) put(row, 9, json_of_values(image.shape, image.old_values, only));
  if (image.has_new) put(row, 10, json_of_values(image.shape, image.new_values, only));
  if (image.has_old && image.has_new) put(row, 11, changed_names(image));
}

void put_entry(const ReturnSetInfo* info, const Image& image, int64 audit_id,
               TupleTableSlot* event) {
  ResultRow row = empty_row();
  put(row, 0, Int64GetDatum(audit_id));
  put(row, 1, time_datum(audit_id));
  copy_column(row, 2, event, 4);
  if (!row.nulls[2]) row.values[2] = time_datum(DatumGetInt64(row.values[2]));
  for (int i = 3; i <= 6; i++) copy_column(row, i, event, i + 2);
  put(row, 7, CStringGetTextDatum(name_of_op(image.op)));
  put_images(row, image);
  for (int i = 12; i <= 17; i++) copy_column(row, i, event, i - 3);
  tuplestore_putvalues(info->setResult, info->setDesc, row.values, row.nulls);
}

void put_entries(FunctionCallInfo fcinfo, int32 table_id, bool all) {
  InitMaterializedSRF(fcinfo, 0);
  const auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  Datum wanted = Int32GetDatum(table_id);
  const Oid types[] = {INT4ARRAYOID, INT8OID, INT8OID};
  const Datum values[] = {
      PointerGetDatum(construct_array(&wanted, 1, INT4OID, sizeof(int32), true, TYPALIGN_INT)),
      Int64GetDatum(PG_ARGISNULL(1) ? 0 : tick_of(PG_GETARG_TIMESTAMPTZ(1))),
      Int64GetDatum(PG_ARGISNULL(2) ? PG_INT64_MAX : tick_of(PG_GETARG_TIMESTAMPTZ(2)))};
  const char nulls[] = {all ? 'n' : ' ', ' ', ' ', '\0'};
  as_log_owner([&] {
    without_nested_loops([&] {
      visit_events(kEntries, {3, types, values, nulls},
                   [&](const Image& image, int64 audit_id, TupleTableSlot* event) {
                     put_entry(info, image, audit_id, event);
                   });
    });
  });
}

// --- one row
// --------------------------------------------------------------------------------------

// As the index of db_guard.create_audit_index has it; an event that moved a row to the key is not
// under it.
constexpr const char* kOfKey = "AND (db_guard.audit_key_hash(e.table_id, e.payload) = $2 OR (e.op "
                               "= 'M' AND e.table_id = $1)) ";
constexpr const char* kHistory =
    "SELECT e.audit_id, e.op, e.payload, t.commit_id, t.txid, t.role_name, t.session_user_name, "
    "t.claimed_actor, t.context "
    "FROM db_guard.audit_event e LEFT JOIN db_guard.audit_transaction t ON t.id = e.transaction "
    "WHERE e.table_id = $1 AND e.op <> 'T' %s"
    "ORDER BY coalesce(t.commit_id, 9223372036854775807), db_guard.audit_command(e.payload), "
    "e.audit_id";

// A value that the row has to have.
struct Wanted {
  int16 column_id;
  Value value;
};

struct WantedList {
  Wanted* wanted;
  int count;
};

void report_bad_key(Relation relation, const char* detail) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("the key does not name a row of \"%s\"", RelationGetRelationName(relation)),
           errdetail_internal("%s", detail),
           errhint("Give a JSON object of the primary key's columns, such as {\"id\": 5}."),
           errtable(relation)));
}

const Column* find_column(const Shape* shape, const char* name) {
  for (int i = 0; i < shape->columns; i++) {
    if (strcmp(shape->column[i].name, name) == 0) return &shape->column[i];
  }
  return nullptr;
}

Datum input_value(Relation relation, const Column& column, char* text) {
  Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column.attnum - 1);
  int32 typmod = attribute->atttypmod;
  const Oid base = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
  Oid function = InvalidOid;
  Oid parameter = InvalidOid;
  getTypeInputInfo(base, &function, &parameter);
  return OidInputFunctionCall(function, text, parameter, typmod);
}

Wanted wanted_value(Relation relation, const Shape* shape, const char* name, char* text) {
  const Column* column = find_column(shape, name);
  if (column == nullptr || column->form == Form::kRedacted) {
    report_bad_key(relation, psprintf("It has no recorded column \"%s\".", name));
  }
  if (text == nullptr) return {column->id, kNullValue};
  const AsOwner state = enter_table_owner(relation);
  ByteBuffer buffer = new_buffer();
  append_value(buffer, *column, input_value(relation, *column, text));
  leave_table_owner(state);
  core::ByteReader reader(buffer.data, buffer.length);
  return {column->id, take_value(reader, *column)};
}

void check_names_key(Relation relation, const Shape* shape, const WantedList& list) {
  if (list.count == 0) report_bad_key(relation, "It names no column.");
  if (shape->keys == 0) return;
  int found = 0;
  for (int i = 0; i < list.count; i++) {
    for (int j = 0; j < shape->keys; j++) {
      if (shape->column[j].id == list.wanted[i].column_id) found++;
    }
  }
  if (found == shape->keys && list.count == shape->keys) return;
  report_bad_key(relation, "It must have all columns of the primary key, and no others.");
}

WantedList read_key(Relation relation, const Shape* shape, Datum key) {
  if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(key))) report_bad_key(relation, "It is not a JSON object.");
  WantedList list{};
  list.wanted = static_cast<Wanted*>(
      palloc(sizeof(Wanted) * Size(Max(JB_ROOT_COUNT(DatumGetJsonbP(key)), 1))));
  const Oid types[] = {JSONBOID};
  const MemoryContext outside = CurrentMemoryContext;
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  const int code =
      SPI_execute_with_args("SELECT e.key, e.value FROM pg_catalog.jsonb_each_text($1) AS e", 1,
                            const_cast<Oid*>(types), &key, nullptr, true, 0);
  if (code != SPI_OK_SELECT) elog(ERROR, "cannot read a JSON object");
  for (uint64 i = 0; i < SPI_processed; i++) {
    const char* name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
    char* text = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
    const MemoryContext inside = MemoryContextSwitchTo(outside);
    list.wanted[list.count++] = wanted_value(relation, shape, name, text);
    MemoryContextSwitchTo(inside);
  }
  SPI_finish();
  check_names_key(relation, shape, list);
  return list;
}

const Value* wanted_of(const WantedList& list, int16 column_id) {
  for (int i = 0; i < list.count; i++) {
    if (list.wanted[i].column_id == column_id) return &list.wanted[i].value;
  }
  return nullptr;
}

uint64 hash_of_wanted(const WantedList& list, const Shape* shape, int32 table_id) {
  StringInfoData key;
  initStringInfo(&key);
  for (int i = 0; i < shape->keys; i++) {
    const Value* value = wanted_of(list, shape->column[i].id);
    if (value->state != State::kValue) continue;
    appendBinaryStringInfo(&key, reinterpret_cast<const char*>(value->data), int(value->length));
  }
  return hash_of_key_bytes(table_id, {reinterpret_cast<unsigned char*>(key.data), uint32(key.len)});
}

bool matches(const WantedList& list, const Image& image, const Value* values) {
  for (int i = 0; i < list.count; i++) {
    bool found = false;
    for (int j = 0; j < image.shape->columns && !found; j++) {
      if (image.shape->column[j].id != list.wanted[i].column_id) continue;
      found = is_same_value(values[j], list.wanted[i].value);
    }
    if (!found) return false;
  }
  return true;
}

// What is known of the row so far, so that an update can show all of it.
struct Story {
  Fold fold;
  FoldedRow row;
  bool known;
};

// The image's values where it has them, or else the row's.
Value* complete(const Story& story, const Image& image, const Value* values) {
  auto* all = static_cast<Value*>(palloc(sizeof(Value) * Size(Max(image.shape->columns, 1))));
  for (int i = 0; i < image.shape->columns; i++) {
    all[i] = values[i];
    if (values[i].state != State::kUnknown || !story.known) continue;
    all[i] = folded_value(story.fold, &story.row, image.shape->column[i].id);
  }
  return all;
}

void put_story_row(const ReturnSetInfo* info, const Story& story, const Image& image,
                   int64 audit_id, TupleTableSlot* event) {
  ResultRow row = empty_row();
  put(row, 0, Int64GetDatum(audit_id));
  put(row, 1, time_datum(audit_id));
  put(row, 2, CStringGetTextDatum(name_of_op(image.op)));
  copy_column(row, 3, event, 6);
  copy_column(row, 4, event, 5);
  if (image.has_old) {
    put(row, 5, json_of_values(image.shape, complete(story, image, image.old_values), nullptr));
  }
  if (image.has_new) {
    put(row, 6, json_of_values(image.shape, complete(story, image, image.new_values), nullptr));
  }
  if (image.has_old && image.has_new) put(row, 7, changed_names(image));
  for (int i = 8; i <= 10; i++) copy_column(row, i, event, i - 1);
  copy_column(row, 11, event, 4);
  if (!row.nulls[11]) row.values[11] = time_datum(DatumGetInt64(row.values[11]));
  tuplestore_putvalues(info->setResult, info->setDesc, row.values, row.nulls);
}

void go_on(Story& story, const Image& image, bool is_ours_after) {
  const bool known_before = story.known && image.op == Op::kUpdate;
  if (!known_before) story.row.width = 0;
  const bool full = image.has_new && image.op != Op::kUpdate;
  story.known = is_ours_after && (full || known_before);
  if (story.known) overlay_row(story.fold, &story.row, image.shape, image.new_values);
}

void tell(const ReturnSetInfo* info, const WantedList& key, Story& story, const Image& image,
          int64 audit_id, TupleTableSlot* event) {
  const bool before = image.has_old && matches(key, image, image.old_values);
  const bool after = image.has_new && matches(key, image, image.new_values);
  if (!before && !after) return;
  learn_columns(story.fold, image.shape);
  put_story_row(info, story, image, audit_id, event);
  go_on(story, image, after);
}

constexpr const char* kOtherKeys =
    "SELECT FROM db_guard.audit_shape s WHERE s.table_id = $1 AND s.column_ids[1:s.key_columns] "
    "IS DISTINCT FROM (SELECT c.column_ids[1:c.key_columns] FROM db_guard.audit_shape c "
    "WHERE c.shape_id = $2)";

// Events from before a change of the primary key are under another hash.
bool has_kept_its_key(const Shape* shape, int32 table_id) {
  if (shape->keys == 0 || shape->id == 0) return false;
  const Oid types[] = {INT4OID, INT4OID};
  const Datum values[] = {Int32GetDatum(table_id), Int32GetDatum(shape->id)};
  bool others = false;
  as_log_owner([&] { others = run_sql_with(kOtherKeys, {2, types, values, nullptr}) > 0; });
  return !others;
}

void put_history(FunctionCallInfo fcinfo, Relation relation) {
  check_may_read(relation);
  const int32 table_id = audited_table_id(relation);
  const Shape* shape = read_current_shape(relation, table_id, lists_of(table_id));
  const WantedList key = read_key(relation, shape, PG_GETARG_DATUM(1));
  InitMaterializedSRF(fcinfo, 0);
  const auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  Story story{begin_fold(), FoldedRow{}, false};
  const bool by_key = has_kept_its_key(shape, table_id);
  const Oid types[] = {INT4OID, INT8OID};
  const Datum values[] = {Int32GetDatum(table_id),
                          Int64GetDatum(int64(hash_of_wanted(key, shape, table_id)))};
  const char* sql = psprintf(kHistory, by_key ? kOfKey : "");
  const auto read = [&] {
    visit_events(sql, {by_key ? 2 : 1, types, values, nullptr},
                 [&](const Image& image, int64 audit_id, TupleTableSlot* event) {
                   tell(info, key, story, image, audit_id, event);
                 });
  };
  // The events of one key are few, and found by an index.
  as_log_owner([&] { by_key ? read() : without_nested_loops(read); });
}

}  // namespace

}  // namespace db_guard::rowaudit

Datum db_guard_audit_entries(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  if (PG_ARGISNULL(0)) {
    check_may_read(nullptr);
    put_entries(fcinfo, 0, true);
    PG_RETURN_NULL();
  }
  Relation relation = relation_open(PG_GETARG_OID(0), AccessShareLock);
  check_may_read(relation);
  put_entries(fcinfo, audited_table_id(relation), false);
  relation_close(relation, AccessShareLock);
  PG_RETURN_NULL();
}

Datum db_guard_audit_history(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  Relation relation = relation_open(PG_GETARG_OID(0), AccessShareLock);
  put_history(fcinfo, relation);
  relation_close(relation, AccessShareLock);
  PG_RETURN_NULL();
}

Datum db_guard_audit_key_hash(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  PG_RETURN_INT64(key_hash_of(PG_GETARG_INT32(0), PG_GETARG_BYTEA_PP(1)));
}

Datum db_guard_audit_command(PG_FUNCTION_ARGS) {
  bytea* payload = PG_GETARG_BYTEA_PP(0);
  db_guard::core::ByteReader reader(reinterpret_cast<unsigned char*>(VARDATA_ANY(payload)),
                                    VARSIZE_ANY_EXHDR(payload));
  (void)reader.varint();
  PG_RETURN_INT64(int64(reader.varint()));
}
