#include "lint/observer.hpp"

#include "pg/roles.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "pgstat.h"
#include "storage/lock.h"
#include "utils/guc.h"
}

namespace db_guard::lint {

namespace {

emit_log_hook_type next_hook = nullptr;

Observation current{};

struct Known {
  const char* format;  // as the server's source has it; errmsg_internal is never translated
  ReportKind kind;
  const char* before_name;
  const char* after_name;
};

constexpr Known kKnown[] = {
    {"rewriting table \"%s\"", ReportKind::kRewrite, "rewriting table \"", "\""},
    {"verifying table \"%s\"", ReportKind::kVerify, "verifying table \"", "\""},
    {"building index \"%s\" on table \"%s\" serially", ReportKind::kIndexBuild, "\" on table \"",
     "\" serially"},
    {"building index \"%s\" on table \"%s\" with request for %d parallel workers",
     ReportKind::kIndexBuild, "\" on table \"", "\" with request for "},
    {"validating foreign key constraint \"%s\"", ReportKind::kFkCheck,
     "validating foreign key constraint \"", "\""},
    {"existing constraints on column \"%s.%s\" are sufficient to prove that it does not contain "
     "nulls",
     ReportKind::kProof, "existing constraints on column \"", "."},
    {"partition constraint for table \"%s\" is implied by existing constraints", ReportKind::kProof,
     "partition constraint for table \"", "\" is implied"},
    {"updated partition constraint for default partition \"%s\" is implied by existing constraints",
     ReportKind::kProof, "default partition \"", "\" is implied"},
};

const char* last_of(const char* text, const char* part) {
  const char* last = nullptr;
  for (const char* at = strstr(text, part); at != nullptr; at = strstr(at + 1, part)) last = at;
  return last;
}

const char* name_in(const char* message, const Known& known) {
  const char* before = strstr(message, known.before_name);
  if (before == nullptr) return nullptr;
  const char* start = before + strlen(known.before_name);
  const char* end = known.kind == ReportKind::kProof ? strstr(start, known.after_name)
                                                     : last_of(start, known.after_name);
  return end != nullptr ? pnstrdup(start, end - start) : nullptr;
}

void keep(const ErrorData* error, const Known& known) {
  const MemoryContext before = MemoryContextSwitchTo(current.keeper);
  auto* report = static_cast<Report*>(palloc0(sizeof(Report)));
  report->kind = known.kind;
  report->text = pstrdup(error->message);
  report->name = name_in(error->message, known);
  current.reports = lappend(current.reports, report);
  MemoryContextSwitchTo(before);
}

void observe(ErrorData* error) {
  if (current.active && error->elevel <= DEBUG1) {
    // The settings of the trace have called it up, and nobody has asked for it in the log.
    error->output_to_server = false;
    if (error->message_id != nullptr && error->message != nullptr) {
      for (const Known& known : kKnown) {
        if (strcmp(error->message_id, known.format) == 0) keep(error, known);
      }
    }
  }
  if (next_hook != nullptr) next_hook(error);
}

void set_for_the_trace(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

}  // namespace

void install_observer() {
  next_hook = emit_log_hook;
  emit_log_hook = observe;
}

Observation observation() { return current; }

Observation begin_observing() {
  const Observation before = current;
  current = {false, NIL, CurrentMemoryContext};
  set_for_the_trace("log_min_messages", "debug1");
  set_for_the_trace("client_min_messages", "error");
  set_for_the_trace("track_counts", "on");
  // A trace takes the locks of what it runs: who may not override the guard may not trace around
  // it.
  if (pg::caller_has_role(GetConfigOption("db_guard.override_role", true, false))) {
    set_for_the_trace("db_guard.mode", "off");
  }
  set_for_the_trace("db_guard.log_ddl", "off");
  current.active = true;
  return before;
}

Observation end_observing(const Observation& before) {
  const Observation ended = current;
  current = before;
  return ended;
}

List* relation_locks() {
  List* locks = NIL;
  const LockData* all = GetLockStatusData();
  for (int i = 0; i < all->nelements; i++) {
    const LockInstanceData& one = all->locks[i];
    const LOCKTAG& tag = one.locktag;
    if (one.pid != MyProcPid || tag.locktag_type != LOCKTAG_RELATION) continue;
    if (tag.locktag_field1 != MyDatabaseId || one.holdMask == 0) continue;
    LOCKMODE strongest = NoLock;
    for (LOCKMODE mode = AccessShareLock; mode <= AccessExclusiveLock; mode++) {
      if ((one.holdMask & LOCKBIT_ON(mode)) != 0) strongest = mode;
    }
    auto* held = static_cast<LockHeld*>(palloc(sizeof(LockHeld)));
    *held = {tag.locktag_field2, strongest};
    locks = lappend(locks, held);
  }
  return locks;
}

int64 scans_of(Oid relation) {
  const PgStat_TableStatus* status = find_tabstat_entry(relation);
  return status != nullptr ? pg::pending_scans(status) : 0;
}

List* scan_counts() {
  List* counts = NIL;
  ::Relation classes = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(classes, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    if (form->oid < FirstNormalObjectId) continue;
    const int64 scans = scans_of(form->oid);
    if (scans == 0) continue;
    auto* count = static_cast<ScanCount*>(palloc(sizeof(ScanCount)));
    *count = {form->oid, scans};
    counts = lappend(counts, count);
  }
  systable_endscan(scan);
  table_close(classes, AccessShareLock);
  return counts;
}

}  // namespace db_guard::lint
