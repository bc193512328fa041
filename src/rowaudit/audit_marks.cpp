#include "rowaudit/audit_marks.hpp"

#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_sql.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

namespace db_guard::rowaudit {

namespace {

struct MarkList {
  Mark* marks;
  const char** reasons;
  int count;
};

int64 bigint_at(HeapTuple row, TupleDesc desc, int column, bool* is_null) {
  const Datum value = SPI_getbinval(row, desc, column, is_null);
  return *is_null ? 0 : DatumGetInt64(value);
}

Mark read_mark(HeapTuple row, TupleDesc desc, MemoryContext memory) {
  bool is_null = false;
  Mark mark{};
  mark.id = bigint_at(row, desc, 1, &is_null);
  mark.transaction = bigint_at(row, desc, 2, &is_null);
  mark.commit_id = bigint_at(row, desc, 3, &is_null);
  mark.kind = *SPI_getvalue(row, desc, 4);
  mark.first_id = bigint_at(row, desc, 5, &is_null);
  mark.has_rows = !is_null;
  mark.last_id = bigint_at(row, desc, 6, &is_null);
  const Datum snapshot = SPI_getbinval(row, desc, 7, &is_null);
  mark.origin_since = bigint_at(row, desc, 8, &is_null);
  const MemoryContext before = MemoryContextSwitchTo(memory);
  mark.snapshot = datumCopy(snapshot, false, -1);
  MemoryContextSwitchTo(before);
  return mark;
}

// In the order in which they were committed; this transaction's own last.
MarkList read_marks(int32 table_id, MemoryContext memory) {
  const Oid types[] = {INT4OID};
  const Datum values[] = {Int32GetDatum(table_id)};
  const int code = SPI_execute_with_args(
      "SELECT m.mark_id, m.transaction, coalesce(t.commit_id, 9223372036854775807), m.kind, "
      "m.first_id, m.last_id, m.snapshot, "
      "(SELECT (extract(epoch FROM min(s.recorded_at) - '2000-01-01 UTC'::timestamptz) "
      "* 256000000)::bigint FROM db_guard.audit_shape s "
      "WHERE s.table_id = m.table_id AND s.origin = m.origin), m.reason "
      "FROM db_guard.audit_mark m LEFT JOIN db_guard.audit_transaction t ON t.id = m.transaction "
      "WHERE m.table_id = $1 ORDER BY 3, 1",
      1, const_cast<Oid*>(types), const_cast<Datum*>(values), nullptr, true, 0);
  if (code != SPI_OK_SELECT) elog(ERROR, "cannot read db_guard.audit_mark");
  MarkList list{};
  list.count = int(SPI_processed);
  list.marks = static_cast<Mark*>(palloc0(sizeof(Mark) * Size(Max(list.count, 1))));
  list.reasons = static_cast<const char**>(palloc0(sizeof(char*) * Size(Max(list.count, 1))));
  for (int i = 0; i < list.count; i++) {
    list.marks[i] = read_mark(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, memory);
    list.reasons[i] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 9);
  }
  return list;
}

// Rows that are recorded; a prune may have taken them.
bool can_begin_with(const Mark& mark, int64 oldest) {
  if (mark.kind != 'b' && mark.kind != 'r') return false;
  return (mark.has_rows ? mark.first_id : mark.id) >= oldest;
}

bool reaches(const Mark& mark, int64 bound) {
  return mark.commit_id <= bound || (mark.commit_id == PG_INT64_MAX && mark.id <= bound);
}

int last_reaching(const MarkList& list, int64 bound) {
  int last = -1;
  for (int i = 0; i < list.count; i++) {
    if (reaches(list.marks[i], bound)) last = i;
  }
  return last;
}

// Baselines follow one another without a break; a rewrite, a gap, a start or an end is one.
int baseline_around(const MarkList& list, int at, int64 oldest) {
  for (int i = at; i >= 0; i--) {
    if (can_begin_with(list.marks[i], oldest)) return i;
    if (list.marks[i].kind != 'b') break;
  }
  for (int i = at + 1; i < list.count && list.marks[i].kind == 'b'; i++) {
    if (can_begin_with(list.marks[i], oldest)) return i;
  }
  return -1;
}

int64 oldest_event() {
  const int code = SPI_execute(
      "SELECT min(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM .''?([0-9]+)')::bigint) "
      "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
      "WHERE i.inhparent = 'db_guard.audit_event'::regclass",
      true, 1);
  if (code != SPI_OK_SELECT) elog(ERROR, "cannot read the partitions of the audit log");
  bool is_null = false;
  return bigint_at(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
}

[[noreturn]] void report_no_log(Relation relation, int64 bound) {
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("the audit log of \"%s\" does not reach back to %s",
                  RelationGetRelationName(relation), timestamptz_to_str(time_of(bound))),
           errdetail("The table was not audited then, or what was recorded has been pruned."),
           errhint("db_guard.audit_mark says from when on its log can be folded."),
           errtable(relation)));
  pg_unreachable();
}

[[noreturn]] void report_break(Relation relation, const Mark& mark, const char* reason) {
  const char* what = mark.kind == 'g'   ? "its rows changed without being recorded"
                     : mark.kind == 'e' ? "it was not audited"
                     : mark.kind == 's' ? "changes were recorded, but not the rows it already held"
                                        : "what was recorded has been pruned";
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("the audit log of \"%s\" cannot be folded at that point",
                  RelationGetRelationName(relation)),
           reason != nullptr
               ? errdetail("From %s on %s: %s.", timestamptz_to_str(time_of(mark.id)), what, reason)
               : errdetail("From %s on %s.", timestamptz_to_str(time_of(mark.id)), what),
           errhint("SELECT db_guard.baseline_audit(...) records all rows, for later points."),
           errtable(relation)));
  pg_unreachable();
}

}  // namespace

Mark choose_baseline(::Relation relation, int32 table_id, int64 bound, MemoryContext memory) {
  const MarkList list = read_marks(table_id, memory);
  const int64 oldest = oldest_event();
  const int at = last_reaching(list, bound);
  if (at < 0 || bound < oldest) report_no_log(relation, bound);
  const char kind = list.marks[at].kind;
  const int chosen = kind == 'g' || kind == 'e' ? -1 : baseline_around(list, at, oldest);
  if (chosen < 0) report_break(relation, list.marks[at], list.reasons[at]);
  return list.marks[chosen];
}

}  // namespace db_guard::rowaudit
