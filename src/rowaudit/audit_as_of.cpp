// audit_as_of: a table as it was. From a baseline forward to what was committed by then, or back
// from a later one.
#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_context.hpp"
#include "rowaudit/audit_marks.hpp"
#include "rowaudit/audit_reading.hpp"
#include "rowaudit/audited_table.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PGDLLEXPORT Datum db_guard_audit_as_of(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_audit_as_of);
}

namespace db_guard::rowaudit {

namespace {

constexpr const char* kBaseRows =
    "SELECT e.audit_id, e.op, e.payload FROM db_guard.audit_event e "
    "WHERE e.table_id = $1 AND e.op = 'B' AND e.transaction = $2 AND e.audit_id BETWEEN $3 AND $4";

// seen: what the baseline's snapshot saw. Transactions lock the rows they change until they commit,
// so that for each row the order of commit_id is the order of the changes; within a transaction it
// is that of its commands. What is sorted by comes first in a row: what follows a payload is found
// by walking past it.
constexpr const char* kEvents =
    "SELECT commit_id, command, audit_id, op, payload FROM (SELECT e.audit_id, e.op, e.payload, "
    "db_guard.audit_command(e.payload) AS command, "
    "coalesce(t.commit_id, 9223372036854775807) AS commit_id, "
    "coalesce(t.commit_id, e.audit_id) AS reached, "
    "CASE WHEN coalesce(t.commit_id, 9223372036854775807) = $2 THEN e.audit_id < $3 "
    "ELSE coalesce(t.commit_id, 9223372036854775807) < $2 AND (t.commit_id < $4 "
    "OR t.txid IS NULL OR pg_visible_in_snapshot(t.txid, $5)) END AS seen "
    "FROM db_guard.audit_event e LEFT JOIN db_guard.audit_transaction t ON t.id = e.transaction "
    "WHERE e.table_id = $1 AND e.op NOT IN ('B', 'T')) AS event ";
constexpr const char* kForward = "WHERE NOT seen AND reached <= $6 AND audit_id BETWEEN $7 AND $6 "
                                 "ORDER BY commit_id, command, audit_id";
constexpr const char* kBackward =
    "WHERE seen AND reached > $6 ORDER BY commit_id DESC, command DESC, audit_id DESC";

// Of the transactions that the baseline has not seen. No event of theirs is in an older partition.
constexpr const char* kFirstUnseen =
    "SELECT coalesce(min(t.id), 9223372036854775807) FROM db_guard.audit_transaction t "
    "WHERE NOT (t.commit_id < $1 AND (t.commit_id < $2 OR pg_visible_in_snapshot(t.txid, $3)))";

int64 first_unseen(const Mark& base) {
  const Oid types[] = {INT8OID, INT8OID, PG_SNAPSHOTOID};
  const Datum values[] = {Int64GetDatum(base.commit_id), Int64GetDatum(base.origin_since),
                          base.snapshot};
  (void)run_sql_with(kFirstUnseen, {3, types, values, nullptr});
  bool is_null = false;
  const Datum first = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
  return Min(DatumGetInt64(first), first_own_number());
}

void fold_base(Fold& fold, int32 table_id, const Mark& base) {
  if (!base.has_rows) return;
  const Oid types[] = {INT4OID, INT8OID, INT8OID, INT8OID};
  const Datum values[] = {Int32GetDatum(table_id), Int64GetDatum(base.transaction),
                          Int64GetDatum(base.first_id), Int64GetDatum(base.last_id)};
  visit_events(kBaseRows, {4, types, values, nullptr},
               [&](const Image& image, int64 audit_id, TupleTableSlot*) {
                 apply_event(fold, image, audit_id, Direction::kForward);
               });
}

void fold_events(Fold& fold, int32 table_id, const Mark& base, int64 bound, Direction direction) {
  const bool forward = direction == Direction::kForward;
  const Oid types[] = {INT4OID, INT8OID, INT8OID, INT8OID, PG_SNAPSHOTOID, INT8OID, INT8OID};
  const Datum values[] = {Int32GetDatum(table_id),
                          Int64GetDatum(base.commit_id),
                          Int64GetDatum(base.id),
                          Int64GetDatum(base.origin_since),
                          base.snapshot,
                          Int64GetDatum(bound),
                          Int64GetDatum(forward ? first_unseen(base) : 0)};
  without_nested_loops([&] {
    visit_events(psprintf("%s%s", kEvents, forward ? kForward : kBackward),
                 {forward ? 7 : 6, types, values, nullptr},
                 [&](const Image& image, int64 audit_id, TupleTableSlot*) {
                   apply_event(fold, image, audit_id, direction);
                 });
  });
}

void fold_table(Fold& fold, Relation relation, int32 table_id, int64 bound) {
  as_log_owner([&] {
    const Mark base = choose_baseline(relation, table_id, bound, fold.memory);
    fold_base(fold, table_id, base);
    if (base.commit_id > bound) fold_events(fold, table_id, base, bound, Direction::kBackward);
    fold_events(fold, table_id, base, bound, Direction::kForward);
  });
}

// --- rows
// -----------------------------------------------------------------------------------------

struct Output {
  Relation relation;
  Conversion* conversions;
  const Column** columns;  // of the log, for each attribute
  Tuplestorestate* store;
  TupleDesc desc;
  MemoryContext scratch;
};

void put_row(const Output& output, const Fold& fold, const FoldedRow* row) {
  CHECK_FOR_INTERRUPTS();
  const MemoryContext outside = MemoryContextSwitchTo(output.scratch);
  const int count = output.desc->natts;
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * Size(Max(count, 1))));
  auto* nulls = static_cast<bool*>(palloc0(Size(Max(count, 1))));
  for (int i = 0; i < count; i++) {
    const Conversion& conversion = output.conversions[i];
    const Value value =
        conversion.column_id != 0 ? folded_value(fold, row, conversion.column_id) : kNullValue;
    values[i] = convert_value(conversion, output.columns[i], value, &nulls[i]);
  }
  tuplestore_putvalues(output.store, output.desc, values, nulls);
  MemoryContextSwitchTo(outside);
  MemoryContextReset(output.scratch);
}

void find_columns(Output& output, const Fold& fold) {
  const int count = output.desc->natts;
  output.columns = static_cast<const Column**>(palloc(sizeof(Column*) * Size(Max(count, 1))));
  for (int i = 0; i < count; i++) {
    output.columns[i] = folded_column(fold, output.conversions[i].column_id);
  }
}

void put_rows(Output& output, const Fold& fold) {
  find_columns(output, fold);
  output.scratch =
      AllocSetContextCreate(CurrentMemoryContext, "db_guard row", ALLOCSET_DEFAULT_SIZES);
  const AsOwner state = enter_table_owner(output.relation);
  visit_rows(fold, [&](const FoldedRow* row) { put_row(output, fold, row); });
  leave_table_owner(state);
  MemoryContextDelete(output.scratch);
}

int64 bound_of(TimestampTz at) {
  if (TIMESTAMP_IS_NOBEGIN(at) || at < 0) return 0;
  if (TIMESTAMP_IS_NOEND(at) || at > time_of(PG_INT64_MAX)) return PG_INT64_MAX;
  return tick_of(at) | ((int64(1) << kTickBits) - 1);
}

Oid relation_of_argument(FunctionCallInfo fcinfo) {
  const Oid type = get_fn_expr_argtype(fcinfo->flinfo, 0);
  const Oid relation = OidIsValid(type) ? get_typ_typrelid(type) : InvalidOid;
  const char kind = OidIsValid(relation) ? get_rel_relkind(relation) : '\0';
  if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) return relation;
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("the first argument must be of a table's row type"),
                  errdetail("It is of type %s.", format_type_be(type)),
                  errhint("SELECT * FROM db_guard.audit_as_of(NULL::my_table, now());")));
  return InvalidOid;
}

void return_rows(FunctionCallInfo fcinfo, Relation relation, int64 bound) {
  check_may_read(relation);
  const int32 table_id = audited_table_id(relation);
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  Fold fold = begin_fold();
  const Shape* shape = read_current_shape(relation, table_id, lists_of(table_id));
  learn_columns(fold, shape);
  fold_table(fold, relation, table_id, bound);
  Output output{relation,        conversions_to(relation, shape), nullptr,
                info->setResult, RelationGetDescr(relation),      nullptr};
  put_rows(output, fold);
}

}  // namespace

}  // namespace db_guard::rowaudit

Datum db_guard_audit_as_of(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  const Oid id = relation_of_argument(fcinfo);
  if (PG_ARGISNULL(1)) {
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    PG_RETURN_NULL();
  }
  Relation relation = relation_open(id, AccessShareLock);
  return_rows(fcinfo, relation, bound_of(PG_GETARG_TIMESTAMPTZ(1)));
  relation_close(relation, AccessShareLock);
  PG_RETURN_NULL();
}
