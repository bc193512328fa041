// What differs between server versions 15 to 18 and is not about DDL itself.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "access/twophase.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "postmaster/autovacuum.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/pgstat_internal.h"
#include "utils/rel.h"
}

namespace db_guard::pg {

inline constexpr int kServerMajor = PG_VERSION_NUM / 10000;

// These are server calls: use them inside call() or from plain server code.

inline bool owns_relation(Oid relation) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(RelationRelationId, relation, GetUserId());
#else
  return pg_class_ownercheck(relation, GetUserId());
#endif
}

// To be called before an index is closed that rows were entered into.
inline void end_index_insertion(Relation index, IndexInfo* info) {
#if PG_VERSION_NUM >= 170000
  index_insert_cleanup(index, info);
#else
  (void)index;
  (void)info;
#endif
}

inline bool is_autovacuum_worker() {
#if PG_VERSION_NUM >= 170000
  return AmAutoVacuumWorkerProcess();
#else
  return IsAutoVacuumWorkerProcess();
#endif
}

// The process behind a virtual transaction; null for a prepared transaction or one that is gone.
// The place of the process may have another tenant by now, hence the comparison.
inline const PGPROC* process_of(const VirtualTransactionId& transaction) {
#if PG_VERSION_NUM >= 170000
  PGPROC* process = transaction.procNumber == INVALID_PROC_NUMBER
                        ? nullptr
                        : ProcNumberGetProc(transaction.procNumber);
  const bool same = process != nullptr && process->vxid.lxid == transaction.localTransactionId;
#else
  PGPROC* process =
      transaction.backendId == InvalidBackendId ? nullptr : BackendIdGetProc(transaction.backendId);
  const bool same = process != nullptr && process->lxid == transaction.localTransactionId;
#endif
  return same ? process : nullptr;
}

inline int pid_of(const VirtualTransactionId& transaction) {
  const PGPROC* process = process_of(transaction);
  return process != nullptr ? process->pid : 0;
}

inline bool is_prepared(const VirtualTransactionId& transaction) {
  bool more = false;
  return VirtualTransactionIdIsRecoveredPreparedXact(transaction) ||
         TransactionIdIsValid(TwoPhaseGetXidByVirtualXID(transaction, &more));
}

// Entries of pg_stat_activity, from 1 to pgstat_fetch_stat_numbackends().
inline PgBackendStatus* backend_status(int index) {
#if PG_VERSION_NUM >= 160000
  LocalPgBackendStatus* entry = pgstat_get_local_beentry_by_index(index);
#else
  LocalPgBackendStatus* entry = pgstat_fetch_stat_local_beentry(index);
#endif
  return entry != nullptr ? &entry->backendStatus : nullptr;
}

inline config_generic** all_settings(int* count) {
#if PG_VERSION_NUM >= 160000
  return get_guc_variables(count);
#else
  *count = GetNumConfigOptions();
  return get_guc_variables();
#endif
}

inline PgStat_Counter sessions_of(const PgStat_StatDBEntry* database) {
#if PG_VERSION_NUM >= 160000
  return database->sessions;
#else
  return database->n_sessions;
#endif
}

// The rows that this transaction has written to a table so far; 0 where track_counts is off.
inline PgStat_Counter rows_written(Oid relation) {
  const PgStat_EntryRef* entry =
      pgstat_fetch_pending_entry(PGSTAT_KIND_RELATION, MyDatabaseId, relation);
  if (entry == nullptr || entry->pending == nullptr) return 0;
  PgStat_Counter rows = 0;
  const auto* table = static_cast<const PgStat_TableStatus*>(entry->pending);
  for (const PgStat_TableXactStatus* level = table->trans; level != nullptr; level = level->upper) {
    rows += level->tuples_inserted + level->tuples_updated + level->tuples_deleted;
  }
  return rows;
}

inline bool holds_lock(const LOCKTAG& tag, LOCKMODE mode) {
#if PG_VERSION_NUM >= 170000
  return LockHeldByMe(&tag, mode, false);
#else
  return LockHeldByMe(&tag, mode);
#endif
}

// Superusers can switch event triggers off for a session, from 17 on.
inline bool event_triggers_may_fire() {
#if PG_VERSION_NUM >= 170000
  return event_triggers;
#else
  return true;
#endif
}

// REINDEX does not raise event triggers before 17.
inline constexpr bool kReindexRaisesEvents = PG_VERSION_NUM >= 170000;

// Scans of a table that this process has begun and not yet reported to the cumulative statistics.
inline PgStat_Counter pending_scans(const PgStat_TableStatus* table) {
#if PG_VERSION_NUM >= 160000
  return table->counts.numscans;
#else
  return table->t_counts.t_numscans;
#endif
}

// Where the files of a relation are; the type has another name from 16 on.
inline auto relation_place(const RelationData* relation) {
#if PG_VERSION_NUM >= 160000
  return relation->rd_locator;
#else
  return relation->rd_node;
#endif
}

// Updates of a table that this process has made and not yet reported, and how many were HOT.
struct UpdateCounts {
  PgStat_Counter all;
  PgStat_Counter hot;
};
inline UpdateCounts pending_updates(Oid table) {
  const PgStat_TableStatus* status = find_tabstat_entry(table);
  if (status == nullptr) return {};
  PgStat_Counter open = 0;
  for (const PgStat_TableXactStatus* level = status->trans; level != nullptr;
       level = level->upper) {
    open += level->tuples_updated;
  }
#if PG_VERSION_NUM >= 160000
  return {status->counts.tuples_updated + open, status->counts.tuples_hot_updated};
#else
  return {status->t_counts.t_tuples_updated + open, status->t_counts.t_tuples_hot_updated};
#endif
}

// An index that need not follow an update of its columns, so that it can be HOT.
inline bool is_summarizing(::Relation index) {
#if PG_VERSION_NUM >= 160000
  return index->rd_indam->amsummarizing;
#else
  return false;
#endif
}

inline bool run_portal(Portal portal, DestReceiver* receiver, QueryCompletion* completion) {
#if PG_VERSION_NUM >= 180000
  return PortalRun(portal, FETCH_ALL, true, receiver, receiver, completion);
#else
  return PortalRun(portal, FETCH_ALL, true, true, receiver, receiver, completion);
#endif
}

inline bool has_returning(const UpdateStmt* statement) {
#if PG_VERSION_NUM >= 180000
  return statement->returningClause != nullptr;
#else
  return statement->returningList != NIL;
#endif
}

}  // namespace db_guard::pg
