// revert_change and revert_transaction: rows get back what they held, all of a kind in one
// statement, in an order in which foreign keys hold at every step. All rows are looked at, and
// locked, before any is touched: what differs after that is the work of the table's own triggers
// and cascades. It runs with the caller's rights, and is audited like anything else.
#include "rowaudit/audit_net.hpp"
#include "rowaudit/audit_reading.hpp"
#include "rowaudit/revert_statements.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/resowner.h"
#include "utils/xid8.h"

PGDLLEXPORT Datum db_guard_revert_change(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_revert_change);
PGDLLEXPORT Datum db_guard_revert_transaction(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_revert_transaction);
}

namespace db_guard::rowaudit {

namespace {

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

int64 load_events(NetChanges& changes, const char* sql, const Arguments& arguments) {
  int64 events = 0;
  without_nested_loops([&] {
    visit_events(sql, arguments, [&](const Image& image, int64, TupleTableSlot*) {
      add_to_net(changes, image);
      events++;
    });
  });
  return events;
}

int64 load_change(NetChanges& changes, int64 audit_id) {
  const Oid type = INT8OID;
  const Datum value = Int64GetDatum(audit_id);
  int64 events = 0;
  as_log_owner([&] { events = load_events(changes, kChange, {1, &type, &value, nullptr}); });
  return events;
}

int64 load_transaction(NetChanges& changes, FullTransactionId txid) {
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
    events = load_events(changes, kOfTransaction, {2, types, bounds, nullptr});
  });
  return events;
}

void report_conflicts(const Conflicts& conflicts) {
  if (conflicts.count == 0) return;
  const int more = conflicts.count - kListedConflicts;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg_plural("a later change of %d row is in the way",
                                "later changes of %d rows are in the way",
                                (unsigned long)conflicts.count, conflicts.count),
                  errdetail_internal("%s%s", conflicts.text.data,
                                     more > 0 ? psprintf("\nAnd %d more.", more) : ""),
                  errhint("Revert the later changes first; db_guard.audit_history shows them.")));
}

void find_all_conflicts(const List* groups) {
  Conflicts conflicts{};
  initStringInfo(&conflicts.text);
  ListCell* cell = nullptr;
  foreach (cell, groups) find_conflicts(conflicts, static_cast<Group*>(lfirst(cell)));
  report_conflicts(conflicts);
}

void apply_in_order(List* groups, list_sort_comparator order) {
  list_sort(groups, order);
  ListCell* cell = nullptr;
  foreach (cell, groups) apply_group(static_cast<Group*>(lfirst(cell)));
}

// Of keys that are there twice or not there, or rows that a cascade took along.
bool depends_on_order(const ErrorData* error) {
  return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
         error->sqlerrcode == ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION;
}

// Null where it went well; all it did is undone where it did not.
ErrorData* try_in_order(List* groups, list_sort_comparator order) {
  const MemoryContext memory = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  ErrorData* volatile error = nullptr;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(memory);
  PG_TRY();
  {
    apply_in_order(groups, order);
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(memory);
    error = CopyErrorData();
    if (!depends_on_order(error)) PG_RE_THROW();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    forget_shown_rows();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(memory);
  CurrentResourceOwner = owner;
  return error;
}

// A new row may have taken the key that another one is to get back, and goes first then; or old
// ones may have come to refer to it, and it goes last. Which it is, the constraints know.
void apply_groups(List* groups) {
  ErrorData* error = try_in_order(groups, compare_removing_last);
  if (error == nullptr || try_in_order(groups, compare_removing_first) == nullptr) return;
  ReThrowError(error);
}

int64 count_rows(const List* groups) {
  int64 rows = 0;
  ListCell* cell = nullptr;
  foreach (cell, groups) rows += list_length(static_cast<Group*>(lfirst(cell))->nets);
  return rows;
}

template <class Load>
int64 run_whole_revert(Load&& load, const char* what) {
  NetChanges changes = begin_net();
  if (load(changes) == 0) {
    ereport(ERROR,
            (errcode(ERRCODE_NO_DATA_FOUND), errmsg("the audit log has no change of %s", what),
             errdetail("It may have been pruned, or not have changed an audited table."),
             errhint("db_guard.audit_log has audit_id and txid of what was recorded.")));
  }
  List* groups = groups_of(changes);
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  find_all_conflicts(groups);
  apply_groups(groups);
  SPI_finish();
  return count_rows(groups);
}

}  // namespace

}  // namespace db_guard::rowaudit

Datum db_guard_revert_change(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  const int64 audit_id = PG_GETARG_INT64(0);
  PG_RETURN_INT64(
      run_whole_revert([&](NetChanges& changes) { return load_change(changes, audit_id); },
                       psprintf("audit_id " INT64_FORMAT, audit_id)));
}

Datum db_guard_revert_transaction(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  const FullTransactionId txid = DatumGetFullTransactionId(PG_GETARG_DATUM(0));
  PG_RETURN_INT64(
      run_whole_revert([&](NetChanges& changes) { return load_transaction(changes, txid); },
                       psprintf("transaction " UINT64_FORMAT, U64FromFullTransactionId(txid))));
}
