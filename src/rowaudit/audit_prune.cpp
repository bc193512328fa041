// prune_audit: what is old goes with its partition, never row by row.
#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_partition.hpp"
#include "rowaudit/audit_sql.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

PGDLLEXPORT Datum db_guard_prune_audit(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_prune_audit);
}

namespace db_guard::rowaudit {

namespace {

// Partitions of $1 that end at or before $2, oldest first.
constexpr const char* kOldPartitions =
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) "
    "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE i.inhparent = $1::regclass "
    "AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO .''?([0-9]+)')::bigint <= $2 "
    "ORDER BY substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO .''?([0-9]+)')::bigint";

List* drops_of(const char* parent, int64 limit, int kept, MemoryContext memory) {
  const Oid types[] = {TEXTOID, INT8OID};
  const Datum values[] = {CStringGetTextDatum(parent), Int64GetDatum(limit)};
  const uint64 rows = run_sql_with(kOldPartitions, {2, types, values, nullptr});
  List* drops = NIL;
  const MemoryContext before = MemoryContextSwitchTo(memory);
  for (uint64 i = 0; i + uint64(kept) < rows; i++) {
    drops = lappend(drops, psprintf("DROP TABLE %s",
                                    SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1)));
  }
  MemoryContextSwitchTo(before);
  return drops;
}

// The guard is not asked: it is the log's own housekeeping.
void run_allowed(List* statements) {
  const int nest_level = NewGUCNestLevel();
  (void)set_config_option("db_guard.allow", "all", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                          true, 0, false);
  run_own_statements(statements);
  AtEOXact_GUC(false, nest_level);
}

int prune(int64 limit) {
  const MemoryContext memory = CurrentMemoryContext;
  List* events = NIL;
  List* transactions = NIL;
  as_log_owner([&] {
    events = drops_of("db_guard.audit_event", limit, 0, memory);
    // A transaction that began in one period may have written in the next.
    transactions = drops_of("db_guard.audit_transaction", limit, 1, memory);
  });
  run_allowed(events);
  run_allowed(transactions);
  return list_length(events);
}

}  // namespace

}  // namespace db_guard::rowaudit

Datum db_guard_prune_audit(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  const Datum limit = DirectFunctionCall2(
      timestamptz_mi_interval, TimestampTzGetDatum(GetCurrentTimestamp()), PG_GETARG_DATUM(0));
  if (DatumGetTimestampTz(limit) > GetCurrentTimestamp()) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the age to prune by is negative"),
             errdetail("That would be everything, and what is yet to come."),
             errhint("SELECT db_guard.prune_audit('2 years');")));
  }
  (void)make_partitions(tick_of(GetCurrentTimestamp()), kPartitionsAhead);
  PG_RETURN_INT32(prune(Max(DatumGetTimestampTz(limit), 0) << kTickBits));
}
