// The triggers. Statements are captured whole, from their transition tables; rows one by one only
// where no statement trigger fires: under session_replication_role = replica and logical apply.
#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_target.hpp"
#include "rowaudit/audit_triggers.hpp"
#include "rowaudit/audit_writer.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PGDLLEXPORT Datum db_guard_audit_statement(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_statement);
PGDLLEXPORT Datum db_guard_audit_row(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_row);
PGDLLEXPORT Datum db_guard_audit_truncate(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_truncate);
}

namespace db_guard::rowaudit {

namespace {

struct Capture {
  const Target* target;
  EventWriter writer;
  CommandId command;
  bool pinned;
  int nest_level;
};

Capture begin_capture(Relation relation, int32 table_id) {
  Capture capture{};
  capture.target = target_of(relation, table_id);
  capture.writer = begin_events(table_id);
  capture.command = running_command();
  capture.pinned = capture.target->shape->pinned_settings;
  if (capture.pinned) capture.nest_level = pin_text_settings();
  return capture;
}

void end_capture(Capture& capture) {
  if (capture.pinned) unpin_text_settings(capture.nest_level);
  end_events(capture.writer);
}

void capture_row(Capture& capture, TupleTableSlot* row, Op op) {
  const MemoryContext outside = MemoryContextSwitchTo(capture.writer.batch);
  write_row(capture.writer.image, capture.target->shape, capture.command, row);
  MemoryContextSwitchTo(outside);
  add_event(capture.writer, op);
}

void capture_update(Capture& capture, TupleTableSlot* before, TupleTableSlot* after) {
  const MemoryContext outside = MemoryContextSwitchTo(capture.writer.batch);
  Op op = Op::kUpdate;
  const bool changed = write_update(capture.writer.image, capture.target->shape, capture.command,
                                    before, after, &op);
  MemoryContextSwitchTo(outside);
  if (changed) {
    add_event(capture.writer, op);
  } else {
    skip_event(capture.writer);
  }
}

// --- statements
// -----------------------------------------------------------------------------------

void begin_reading(Tuplestorestate* rows) {
  // Other triggers read the same table with pointers of their own.
  const int pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
  tuplestore_select_read_pointer(rows, pointer);
  tuplestore_rescan(rows);
}

bool read_next(Tuplestorestate* rows, TupleTableSlot* slot) {
  CHECK_FOR_INTERRUPTS();
  return tuplestore_gettupleslot(rows, true, false, slot);
}

void capture_rows(Capture& capture, Tuplestorestate* rows, Op op) {
  TupleTableSlot* slot = op == Op::kDelete ? capture.target->before : capture.target->after;
  begin_reading(rows);
  while (read_next(rows, slot)) capture_row(capture, slot, op);
  ExecClearTuple(slot);
}

// The server puts both images of a row in at the same time, moves between partitions included, so
// that the n-th of one table belongs to the n-th of the other.
void capture_pairs(Capture& capture, Tuplestorestate* before, Tuplestorestate* after) {
  begin_reading(before);
  begin_reading(after);
  while (read_next(before, capture.target->before)) {
    if (!tuplestore_gettupleslot(after, true, false, capture.target->after)) break;
    capture_update(capture, capture.target->before, capture.target->after);
  }
  ExecClearTuple(capture.target->before);
  ExecClearTuple(capture.target->after);
}

void capture_updates(Capture& capture, const TriggerData* data) {
  const int64 before = tuplestore_tuple_count(data->tg_oldtable);
  if (before == tuplestore_tuple_count(data->tg_newtable)) {
    capture_pairs(capture, data->tg_oldtable, data->tg_newtable);
    return;
  }
  // A trigger of the partition that a row was to move to has refused the row: it was deleted.
  capture_rows(capture, data->tg_oldtable, Op::kDelete);
  capture_rows(capture, data->tg_newtable, Op::kInsert);
}

bool is_empty(const TriggerData* data) {
  const bool no_old =
      data->tg_oldtable == nullptr || tuplestore_tuple_count(data->tg_oldtable) == 0;
  const bool no_new =
      data->tg_newtable == nullptr || tuplestore_tuple_count(data->tg_newtable) == 0;
  return no_old && no_new;
}

void capture_statement(const TriggerData* data, int32 table_id) {
  if (is_empty(data)) return;
  Capture capture = begin_capture(data->tg_relation, table_id);
  if (TRIGGER_FIRED_BY_INSERT(data->tg_event)) {
    capture_rows(capture, data->tg_newtable, Op::kInsert);
  } else if (TRIGGER_FIRED_BY_DELETE(data->tg_event)) {
    capture_rows(capture, data->tg_oldtable, Op::kDelete);
  } else {
    capture_updates(capture, data);
  }
  end_capture(capture);
}

// --- rows
// -----------------------------------------------------------------------------------------

void capture_one(const TriggerData* data, int32 table_id) {
  Capture capture = begin_capture(data->tg_relation, table_id);
  if (TRIGGER_FIRED_BY_INSERT(data->tg_event)) {
    capture_row(capture, data->tg_trigslot, Op::kInsert);
  } else if (TRIGGER_FIRED_BY_DELETE(data->tg_event)) {
    capture_row(capture, data->tg_trigslot, Op::kDelete);
  } else {
    capture_update(capture, data->tg_trigslot, data->tg_newslot);
  }
  end_capture(capture);
}

// --- TRUNCATE
// -------------------------------------------------------------------------------------

void write_statement(Capture& capture, Op op) {
  ByteBuffer& payload = capture.writer.image.payload;
  write_head(payload, capture.target->shape, capture.command);
  add_event(capture.writer, op);
}

}  // namespace

CommandId running_command() {
  // Of the statement whose triggers these are; statements that other triggers of it have run in the
  // meantime have higher numbers, though their events may come first.
  return ActiveSnapshotSet() ? GetActiveSnapshot()->curcid : GetCurrentCommandId(false);
}

int64 capture_table(Relation relation, int32 table_id, Op op, CapturedRange* range) {
  Capture capture = begin_capture(relation, table_id);
  Snapshot snapshot =
      RegisterSnapshot(range != nullptr ? GetActiveSnapshot() : GetLatestSnapshot());
  TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
  TupleTableSlot* slot = table_slot_create(relation, nullptr);
  int64 rows = 0;
  while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
    CHECK_FOR_INTERRUPTS();
    capture_row(capture, slot, op);
    rows++;
  }
  ExecDropSingleTupleTableSlot(slot);
  table_endscan(scan);
  UnregisterSnapshot(snapshot);
  if (op == Op::kTruncated) write_statement(capture, Op::kTruncate);
  end_capture(capture);
  if (range == nullptr) return rows;
  if (range->first == 0) range->first = capture.writer.first_id;
  if (capture.writer.last_id != 0) range->last = capture.writer.last_id;
  return rows;
}

}  // namespace db_guard::rowaudit

namespace {

using db_guard::rowaudit::Op;

int32 table_id_of(const TriggerData* data) {
  const Trigger* trigger = data->tg_trigger;
  return trigger->tgnargs == 1 ? pg_strtoint32(trigger->tgargs[0]) : 0;
}

const TriggerData* trigger_data(FunctionCallInfo fcinfo, const char* function) {
  if (CALLED_AS_TRIGGER(fcinfo)) return reinterpret_cast<TriggerData*>(fcinfo->context);
  ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                  errmsg("db_guard.%s can only be called as a trigger", function),
                  errhint("SELECT db_guard.enable_audit(...) makes the triggers.")));
  pg_unreachable();
}

}  // namespace

// All three allocate in the memory of the event, which the server clears after each.

Datum db_guard_audit_statement(PG_FUNCTION_ARGS) {
  const TriggerData* data = trigger_data(fcinfo, "audit_statement");
  db_guard::rowaudit::capture_statement(data, table_id_of(data));
  return PointerGetDatum(nullptr);
}

Datum db_guard_audit_row(PG_FUNCTION_ARGS) {
  const TriggerData* data = trigger_data(fcinfo, "audit_row");
  db_guard::rowaudit::capture_one(data, table_id_of(data));
  return PointerGetDatum(nullptr);
}

Datum db_guard_audit_truncate(PG_FUNCTION_ARGS) {
  const TriggerData* data = trigger_data(fcinfo, "audit_truncate");
  // The partitions of a partitioned table are truncated with it, and have triggers of their own.
  if (data->tg_relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) {
    (void)db_guard::rowaudit::capture_table(data->tg_relation, table_id_of(data), Op::kTruncated,
                                            nullptr);
  }
  return PointerGetDatum(nullptr);
}
