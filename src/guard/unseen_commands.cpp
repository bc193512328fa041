#include "guard/unseen_commands.hpp"

#include "guard/ddl_log.hpp"
#include "guard/exemptions.hpp"
#include "guard/judge.hpp"
#include "guard/settings.hpp"
#include "pg/entry.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "storage/lmgr.h"
#include "tcop/cmdtag.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/evtcache.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace db_guard::guard {

namespace {

// When a command goes to the log.
enum class Logged : unsigned char {
  kNot,           // event triggers see to it, or it is nothing for the log
  kWhenJudged,    // applications do it all day: only where a rule has something to say
  kWithDdl,       // as event triggers log DDL
  kBeforeItRuns,  // what it does outside the database cannot be rolled back: nothing may fail after
};

bool is_full_vacuum(const VacuumStmt* vacuum) {
  if (!vacuum->is_vacuumcmd) return false;
  ListCell* cell = nullptr;
  foreach (cell, vacuum->options) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (strcmp(option->defname, "full") == 0) return defGetBoolean(option);
  }
  return false;
}

bool is_of_the_server(ObjectType type) {
  return type == OBJECT_DATABASE || type == OBJECT_EVENT_TRIGGER || type == OBJECT_ROLE ||
         type == OBJECT_TABLESPACE;
}

Logged with_ddl(bool is) { return is ? Logged::kWithDdl : Logged::kNot; }

Logged logged(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_LockStmt:
      return Logged::kWhenJudged;
    case T_CreatedbStmt:
    case T_DropdbStmt:
    case T_AlterDatabaseStmt:
    case T_CreateTableSpaceStmt:
    case T_DropTableSpaceStmt:
    case T_AlterSystemStmt:
      return Logged::kBeforeItRuns;
    case T_TruncateStmt:
    case T_ClusterStmt:
    case T_AlterDatabaseSetStmt:
    case T_AlterDatabaseRefreshCollStmt:
    case T_AlterTableSpaceOptionsStmt:
    case T_CreateRoleStmt:
    case T_AlterRoleStmt:
    case T_AlterRoleSetStmt:
    case T_DropRoleStmt:
    case T_GrantRoleStmt:
    case T_ReassignOwnedStmt:
    case T_CreateEventTrigStmt:
    case T_AlterEventTrigStmt:
      return Logged::kWithDdl;
    case T_VacuumStmt:
      return with_ddl(is_full_vacuum(reinterpret_cast<const VacuumStmt*>(tree)));
    case T_ReindexStmt:
      return with_ddl(!pg::kReindexRaisesEvents);
    case T_DropStmt:
      return with_ddl(is_of_the_server(reinterpret_cast<const DropStmt*>(tree)->removeType));
    case T_RenameStmt:
      return with_ddl(is_of_the_server(reinterpret_cast<const RenameStmt*>(tree)->renameType));
    case T_AlterOwnerStmt:
      return with_ddl(is_of_the_server(reinterpret_cast<const AlterOwnerStmt*>(tree)->objectType));
    default:
      return Logged::kNot;
  }
}

bool preloaded = false;

Oid own_function(const char* name) {
  const Oid schema = get_namespace_oid("db_guard", true);
  if (!OidIsValid(schema)) return InvalidOid;
  oidvector* none = buildoidvector(nullptr, 0);
  return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                         PointerGetDatum(none), ObjectIdGetDatum(schema));
}

// The switches of the event triggers hold here, too: it is one guard, with one set of ways out.
bool would_fire(EventTriggerEvent event, const char* function) {
  if (!IsUnderPostmaster || !pg::event_triggers_may_fire()) return false;
  const Oid id = own_function(function);
  if (!OidIsValid(id)) return false;
  const bool replica = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA;
  ListCell* cell = nullptr;
  foreach (cell, EventCacheLookup(event)) {
    const auto* item = static_cast<const EventTriggerCacheItem*>(lfirst(cell));
    if (item->fnoid != id) continue;
    // From 17 on REINDEX has a trigger of its own for the same function.
    const bool for_all = item->tagset == nullptr || bms_is_member(CMDTAG_ALTER_TABLE, item->tagset);
    if (!for_all) continue;
    return item->enabled != (replica ? TRIGGER_FIRES_ON_ORIGIN : TRIGGER_FIRES_ON_REPLICA);
  }
  return false;
}

bool lock_log_without_waiting() {
  const Oid schema = get_namespace_oid("db_guard", true);
  const Oid log = OidIsValid(schema) ? get_relname_relid("ddl_log", schema) : InvalidOid;
  return OidIsValid(log) && ConditionalLockRelationOid(log, RowExclusiveLock);
}

// A standby can neither write the log nor start a process that would.
bool is_guarded_here() { return preloaded && !RecoveryInProgress() && !is_exempt(); }

void log_unseen(Frame& frame, const Node* tree, bool has_run) {
  const LogObject object = object_of(frame, tree);
  if (frame.skip_log || object.temporary) return;
  LogEntry entry = entry_of_session(
      frame, tree, GetCommandTagName(CreateCommandTag(const_cast<Node*>(tree))), object.name);
  if (!has_run) entry.duration_ms = -1;
  if (frame.outcome != nullptr && strcmp(frame.outcome, "allowed") == 0) {
    entry.allow_reason = settings().allow_reason;
  }
  // After VACUUM there is none. A snapshot of the transaction would be too early for LOCK, which is
  // meant to come before it.
  const bool push = !ActiveSnapshotSet();
  if (push) PushActiveSnapshot(GetCatalogSnapshot(InvalidOid));
  insert_entry(entry);
  if (push) PopActiveSnapshot();
}

}  // namespace

bool is_unseen(const Node* tree) { return logged(tree) != Logged::kNot; }

namespace {

bool detaches_concurrently(const AlterTableStmt* alter) {
  ListCell* cell = nullptr;
  foreach (cell, alter->cmds) {
    const auto* command = static_cast<const AlterTableCmd*>(lfirst(cell));
    if (command->subtype == AT_DetachPartition &&
        reinterpret_cast<const PartitionCmd*>(command->def)->concurrent) {
      return true;
    }
  }
  return false;
}

bool is_reindex_outside_blocks(const ReindexStmt* reindex) {
  if (reindex->kind != REINDEX_OBJECT_INDEX && reindex->kind != REINDEX_OBJECT_TABLE) return true;
  ListCell* cell = nullptr;
  foreach (cell, reindex->params) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (strcmp(option->defname, "concurrently") == 0) return defGetBoolean(option);
  }
  return false;
}

}  // namespace

bool runs_outside_blocks(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_AlterSystemStmt:
    case T_CreatedbStmt:
    case T_CreateTableSpaceStmt:
    case T_DropTableSpaceStmt:
    case T_DropdbStmt:
    case T_VacuumStmt:
      return true;
    case T_AlterTableStmt:
      return detaches_concurrently(reinterpret_cast<const AlterTableStmt*>(tree));
    case T_ClusterStmt:
      return reinterpret_cast<const ClusterStmt*>(tree)->relation == nullptr;
    case T_DropStmt:
      return reinterpret_cast<const DropStmt*>(tree)->concurrent;
    case T_IndexStmt:
      return reinterpret_cast<const IndexStmt*>(tree)->concurrent;
    case T_ReindexStmt:
      return is_reindex_outside_blocks(reinterpret_cast<const ReindexStmt*>(tree));
    default:
      return false;
  }
}

// No statement runs while libraries are preloaded.
void remember_how_loaded() { preloaded = debug_query_string == nullptr; }

bool is_preloaded() { return preloaded; }

void begin_unseen(Frame& frame, const Node* tree) {
  if (!is_guarded_here()) return;
  if (mode() != Mode::kOff && would_fire(EVT_DDLCommandStart, "ddl_command_start")) {
    const char* tag = GetCommandTagName(CreateCommandTag(const_cast<Node*>(tree)));
    const Event event{tree, tag, &frame};
    pg::enter([&] { judge_statement(event); });
  }
  frame.goes_to_log = settings().log_ddl && would_fire(EVT_DDLCommandEnd, "ddl_command_end");
  if (frame.goes_to_log && logged(tree) == Logged::kBeforeItRuns) log_unseen(frame, tree, false);
}

void end_unseen(Frame& frame, const Node* tree) {
  const Logged when = logged(tree);
  if (!frame.goes_to_log || when == Logged::kBeforeItRuns) return;
  if (when == Logged::kWhenJudged && frame.findings == nullptr) return;
  // A way out of the guard waits for nobody who holds its log.
  if (IsA(tree, AlterEventTrigStmt) && !lock_log_without_waiting()) return;
  log_unseen(frame, tree, true);
}

}  // namespace db_guard::guard
