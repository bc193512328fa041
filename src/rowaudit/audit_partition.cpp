#include "rowaudit/audit_partition.hpp"

#include "pg/entry.hpp"
#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_tables.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "pgstat.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "postmaster/bgworker.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PGDLLEXPORT void db_guard_audit_worker(Datum database);
PGDLLEXPORT Datum db_guard_create_audit_index(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_create_audit_index);
PGDLLEXPORT Datum db_guard_make_audit_partitions(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(db_guard_make_audit_partitions);
}

namespace db_guard::rowaudit {

namespace {

enum class Width { kDay, kWeek, kMonth };

const config_enum_entry kWidths[] = {
    {"day", static_cast<int>(Width::kDay), false},
    {"week", static_cast<int>(Width::kWeek), false},
    {"month", static_cast<int>(Width::kMonth), false},
    {nullptr, 0, false},
};

int width_setting = static_cast<int>(Width::kMonth);

Leaf cached_leaf{};
bool watching = false;
// Asked once in a while at most: a server without a free worker must not be asked by every row.
TimestampTz asked_for_worker = 0;
constexpr int kSecondsBetweenWorkers = 60;

void forget_leaf(Datum, Oid relation) {
  if (!OidIsValid(relation) || relation == cached_leaf.events ||
      relation == cached_leaf.transactions) {
    cached_leaf = {};
  }
}

void watch_partitions() {
  if (watching) return;
  CacheRegisterRelcacheCallback(forget_leaf, 0);
  watching = true;
}

// --- periods ------------------------------------------------------------------------------------

struct Period {
  int64 from;
  int64 to;
  pg_tm start;
};

TimestampTz time_at(const pg_tm& tm) {
  return (TimestampTz(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday)) - POSTGRES_EPOCH_JDATE) *
         USECS_PER_DAY;
}

void set_day(pg_tm& tm, int julian_day) {
  j2date(julian_day, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
}

// In UTC, so that every session means the same.
Period period_of(int64 audit_id) {
  const int day = int(time_of(audit_id) / USECS_PER_DAY) + POSTGRES_EPOCH_JDATE;
  Period period{};
  pg_tm end{};
  switch (static_cast<Width>(width_setting)) {
    case Width::kDay:
      set_day(period.start, day);
      set_day(end, day + 1);
      break;
    case Width::kWeek: {
      const int monday = day - (j2day(day) + 6) % 7;
      set_day(period.start, monday);
      set_day(end, monday + 7);
      break;
    }
    case Width::kMonth:
      set_day(period.start, day);
      period.start.tm_mday = 1;
      end = period.start;
      end.tm_mon++;
      if (end.tm_mon > MONTHS_PER_YEAR) {
        end.tm_mon = 1;
        end.tm_year++;
      }
      break;
  }
  period.from = tick_of(time_at(period.start));
  period.to = tick_of(time_at(end));
  return period;
}

// --- finding ------------------------------------------------------------------------------------

int64 bound_at(const PartitionBoundInfo bounds, int index, int64 otherwise) {
  if (index < 0 || index >= bounds->ndatums) return otherwise;
  if (bounds->kind != nullptr && bounds->kind[index][0] != PARTITION_RANGE_DATUM_VALUE) {
    return otherwise;
  }
  return DatumGetInt64(bounds->datums[index][0]);
}

// The partition of that number, or the gap that it falls into.
Oid find_partition(Relation parent, int64 audit_id, int64* from, int64* to) {
  PartitionDesc desc = RelationGetPartitionDesc(parent, true);
  *from = PG_INT64_MIN;
  *to = PG_INT64_MAX;
  if (desc->nparts == 0) return InvalidOid;
  PartitionKey key = RelationGetPartitionKey(parent);
  Datum value = Int64GetDatum(audit_id);
  bool equal = false;
  const int offset = partition_range_datum_bsearch(key->partsupfunc, key->partcollation,
                                                   desc->boundinfo, 1, &value, &equal);
  *from = bound_at(desc->boundinfo, offset, PG_INT64_MIN);
  *to = bound_at(desc->boundinfo, offset + 1, PG_INT64_MAX);
  const int index = desc->boundinfo->indexes[offset + 1];
  return index >= 0 ? desc->oids[index] : InvalidOid;
}

Oid find_in(OwnRelation which, int64 audit_id, int64* from, int64* to) {
  Relation parent = table_open(own_relation(which), AccessShareLock);
  const Oid id = find_partition(parent, audit_id, from, to);
  table_close(parent, AccessShareLock);
  return id;
}

Leaf find_leaf(int64 audit_id) {
  Leaf leaf{};
  leaf.events = find_in(OwnRelation::kEvent, audit_id, &leaf.from, &leaf.to);
  int64 from = 0;
  int64 to = 0;
  leaf.transactions = find_in(OwnRelation::kTransaction, audit_id, &from, &to);
  leaf.from = Max(leaf.from, from);
  leaf.to = Min(leaf.to, to);
  return leaf;
}

// --- making -------------------------------------------------------------------------------------

void run(const char* sql) {
  const int code = SPI_execute(sql, false, 0);
  if (code < 0) elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(code));
}

constexpr const char* kIsIndexed =
    "SELECT FROM pg_index x JOIN pg_inherits i ON i.inhrelid = x.indrelid "
    "WHERE i.inhparent = 'db_guard.audit_event'::regclass "
    "AND pg_get_indexdef(x.indexrelid) LIKE '%audit_key_hash%'";

// By the key, and apart from that the few events that moved a row to another key.
void index_keys(const char* name) {
  run(psprintf("CREATE INDEX IF NOT EXISTS %s_key ON db_guard.%s "
               "(db_guard.audit_key_hash(table_id, payload))",
               name, name));
  run(psprintf("CREATE INDEX IF NOT EXISTS %s_moved ON db_guard.%s (table_id) WHERE op = 'M'", name,
               name));
}

void make_indexes(OwnRelation which, const char* name) {
  if (which == OwnRelation::kTransaction) {
    run(psprintf("CREATE INDEX %s_id ON db_guard.%s (id)", name, name));
    run(psprintf("CREATE INDEX %s_txid ON db_guard.%s (txid)", name, name));
    return;
  }
  // Ranges of 8 MB: summing up each takes the server a request, of which it remembers 256.
  run(psprintf("CREATE INDEX %s_audit_id ON db_guard.%s USING brin (audit_id) "
               "WITH (pages_per_range = 1024, autosummarize = on)",
               name, name));
  run(kIsIndexed);
  if (SPI_processed > 0) index_keys(name);
}

// Attached, not created in place: that would lock the whole log against reading.
void make_partition(OwnRelation which, const char* parent, const Period& period, int64 from,
                    int64 to) {
  const char* name = psprintf("%s_%04d%02d%02d", parent, period.start.tm_year, period.start.tm_mon,
                              period.start.tm_mday);
  // A period that was divided differently before has part of it under another name.
  if (OidIsValid(get_relname_relid(name, get_namespace_oid("db_guard", false)))) {
    name = psprintf("%s_" INT64_FORMAT, name, from);
  }
  run(psprintf("CREATE TABLE db_guard.%s (LIKE db_guard.%s INCLUDING COMMENTS INCLUDING STORAGE) "
               "USING heap",
               name, parent));
  make_indexes(which, name);
  run(psprintf("REVOKE ALL ON TABLE db_guard.%s FROM PUBLIC", name));
  run(psprintf("COMMENT ON TABLE db_guard.%s IS 'db_guard: part of db_guard.%s.'", name, parent));
  run(psprintf("ALTER TABLE db_guard.%s ATTACH PARTITION db_guard.%s FOR VALUES FROM (" INT64_FORMAT
               ") TO (" INT64_FORMAT ")",
               parent, name, from, to));
}

bool make_missing(OwnRelation which, const char* parent, const Period& period) {
  // One after the other; writers do not wait for this lock, they go to the partitions.
  LockRelationOid(own_relation(which), ShareUpdateExclusiveLock);
  int64 from = 0;
  int64 to = 0;
  if (OidIsValid(find_in(which, period.from, &from, &to))) {
    if (to >= period.to) return false;
    from = to;
  }
  int64 gap_from = 0;
  int64 gap_to = 0;
  from = Max(from, period.from);
  if (OidIsValid(find_in(which, from, &gap_from, &gap_to))) return false;
  make_partition(which, parent, period, Max(gap_from, period.from), Min(gap_to, period.to));
  return true;
}

int make_under_owner(int64 audit_id, int ahead) {
  int made = 0;
  for (int i = 0; i <= ahead; i++) {
    const Period period = period_of(audit_id);
    const bool events = make_missing(OwnRelation::kEvent, "audit_event", period);
    const bool transactions = make_missing(OwnRelation::kTransaction, "audit_transaction", period);
    if (events || transactions) made++;
    audit_id = period.to;
  }
  return made;
}

constexpr const char* kNotIndexed =
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'db_guard.audit_event'::regclass AND NOT EXISTS (SELECT FROM pg_index x "
    "WHERE x.indrelid = c.oid AND pg_get_indexdef(x.indexrelid) LIKE '%audit_key_hash%')";

int index_partitions() {
  run(kNotIndexed);
  const int count = int(SPI_processed);
  SPITupleTable* partitions = SPI_tuptable;
  for (int i = 0; i < count; i++) {
    index_keys(quote_identifier(SPI_getvalue(partitions->vals[i], partitions->tupdesc, 1)));
  }
  return count;
}

void set_plainly(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void ask_for_worker() {
  const TimestampTz now = GetCurrentTimestamp();
  if (!TimestampDifferenceExceeds(asked_for_worker, now, kSecondsBetweenWorkers * 1000)) return;
  asked_for_worker = now;
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
  strlcpy(worker.bgw_name, "db_guard audit partitions", BGW_MAXLEN);
  strlcpy(worker.bgw_type, "db_guard audit partitions", BGW_MAXLEN);
  strlcpy(worker.bgw_library_name, "db_guard", BGW_MAXLEN);
  strlcpy(worker.bgw_function_name, "db_guard_audit_worker", BGW_MAXLEN);
  // Where none is free, the one who needs the partition makes it.
  (void)RegisterDynamicBackgroundWorker(&worker, nullptr);
}

void look_ahead(const Leaf& leaf) {
  int64 from = 0;
  int64 to = 0;
  if (leaf.to == PG_INT64_MAX) return;
  if (!OidIsValid(find_in(OwnRelation::kTransaction, leaf.to, &from, &to))) ask_for_worker();
}

// Under the owner, with settings of nobody's choice.
template <class Body>
int work_on_partitions(Body&& body) {
  const SavedUser saved = enter_log_owner();
  const int nest_level = NewGUCNestLevel();
  set_plainly("search_path", "pg_catalog, pg_temp");
  set_plainly("default_tablespace", "");
  set_plainly("client_min_messages", "warning");
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  const int made = body();
  SPI_finish();
  AtEOXact_GUC(false, nest_level);
  leave_log_owner(saved);
  return made;
}

}  // namespace

void define_partition_settings() {
  DefineCustomEnumVariable(
      "db_guard.audit_partition", "How much time a partition of the log holds.",
      "Partitions that are there stay as they are.", &width_setting,
      static_cast<int>(Width::kMonth), kWidths, PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

void forget_leaves() { cached_leaf = {}; }

int make_partitions(int64 audit_id, int ahead) {
  return work_on_partitions([&] { return make_under_owner(audit_id, ahead); });
}

int index_all_partitions() {
  return work_on_partitions([] { return index_partitions(); });
}

Leaf leaf_of(int64 audit_id) {
  if (audit_id >= cached_leaf.from && audit_id < cached_leaf.to) return cached_leaf;
  watch_partitions();
  Leaf leaf = find_leaf(audit_id);
  if (!OidIsValid(leaf.events) || !OidIsValid(leaf.transactions)) {
    make_partitions(audit_id, 0);
    leaf = find_leaf(audit_id);
  }
  if (!OidIsValid(leaf.events) || !OidIsValid(leaf.transactions)) {
    elog(ERROR, "the audit log has no partition for " INT64_FORMAT, audit_id);
  }
  cached_leaf = leaf;
  look_ahead(leaf);
  return leaf;
}

}  // namespace db_guard::rowaudit

void db_guard_audit_worker(Datum database) {
  using namespace db_guard::rowaudit;
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  (void)make_partitions(tick_of(GetCurrentTimestamp()), kPartitionsAhead);
  PopActiveSnapshot();
  CommitTransactionCommand();
}

Datum db_guard_create_audit_index(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(db_guard::rowaudit::index_all_partitions());
}

Datum db_guard_make_audit_partitions(PG_FUNCTION_ARGS) {
  using namespace db_guard::rowaudit;
  PG_RETURN_INT32(make_partitions(tick_of(GetCurrentTimestamp()), PG_GETARG_INT32(0)));
}
