#include "rowaudit/audit_context.hpp"

#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_partition.hpp"
#include "rowaudit/audit_shape.hpp"
#include "rowaudit/audit_tables.hpp"
#include "rowaudit/audit_target.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"
}

namespace db_guard::rowaudit {

namespace {

char* actor_setting = nullptr;
char* context_setting = nullptr;
// Counts the changes of both, so that a row need not compare texts.
uint32 settings_generation = 0;

struct Part {
  Part* next;
  int64 id;
  SubTransactionId subtransaction;
  Oid role;
  uint32 generation;
  char* actor;
  char* context;
};

// Of the running transaction, newest first; in its memory.
Part* parts = nullptr;
bool watching = false;

void note_setting(const char*, void*) { settings_generation++; }

// --- db_guard.audit_transaction
// -------------------------------------------------------------------

enum PartColumn {
  kId,
  kCommitId,
  kTxid,
  kRole,
  kSessionUser,
  kClaimedActor,
  kContext,
  kApplication,
  kClient,
  kProcess,
  kPartColumns
};

void set_text(Datum* values, bool* nulls, int column, const char* text) {
  nulls[column] = text == nullptr || *text == '\0';
  if (!nulls[column]) values[column] = CStringGetTextDatum(text);
}

// The same for the life of the session, and not cheap to find out.
Datum session_client = 0;
bool client_known = false;

void find_client() {
  LOCAL_FCINFO(call, 0);
  InitFunctionCallInfoData(*call, nullptr, 0, InvalidOid, nullptr, nullptr);
  const MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
  const Datum client = inet_client_addr(call);
  MemoryContextSwitchTo(before);
  session_client = call->isnull ? Datum(0) : client;
  client_known = true;
}

void set_client(Datum* values, bool* nulls) {
  if (!client_known) find_client();
  values[kClient] = session_client;
  nulls[kClient] = session_client == 0;
}

void insert_part(Relation table, const Part* part, int64 commit_id) {
  Datum values[kPartColumns] = {};
  bool nulls[kPartColumns] = {};
  values[kId] = Int64GetDatum(part->id);
  values[kCommitId] = Int64GetDatum(commit_id);
  values[kTxid] = FullTransactionIdGetDatum(GetTopFullTransactionId());
  set_text(values, nulls, kRole, GetUserNameFromId(part->role, true));
  set_text(values, nulls, kSessionUser, GetUserNameFromId(GetSessionUserId(), true));
  set_text(values, nulls, kClaimedActor, part->actor);
  set_text(values, nulls, kContext, part->context);
  set_text(values, nulls, kApplication, application_name);
  set_client(values, nulls);
  values[kProcess] = Int32GetDatum(MyProcPid);
  HeapTuple tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
  CatalogTupleInsert(table, tuple);
  heap_freetuple(tuple);
}

void write_parts() {
  if (parts == nullptr) return;
  Part* written = parts;
  parts = nullptr;
  const int64 commit_id = draw_ticks(1);
  for (Part* part = written; part != nullptr; part = part->next) {
    Relation table = table_open(leaf_of(part->id).transactions, RowExclusiveLock);
    insert_part(table, part, commit_id);
    table_close(table, NoLock);
  }
}

void end_transaction(bool committed) {
  parts = nullptr;
  if (committed) {
    settle_shapes();
  } else {
    drop_unsettled_shapes();
    forget_targets();
    forget_leaves();
  }
}

void at_transaction_event(XactEvent event, void*) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
      write_parts();
      break;
    case XACT_EVENT_COMMIT:
      end_transaction(true);
      break;
    // What a prepared transaction has noted may yet be rolled back.
    case XACT_EVENT_PREPARE:
    case XACT_EVENT_ABORT:
      end_transaction(false);
      break;
    default:
      break;
  }
}

// Parts that began in a savepoint go with it; their events have gone, too.
void at_subtransaction_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
                             void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) {
    while (parts != nullptr && parts->subtransaction == mine) parts = parts->next;
    drop_unsettled_shapes();
    forget_targets();
    forget_leaves();
  }
  if (event != SUBXACT_EVENT_COMMIT_SUB) return;
  for (Part* part = parts; part != nullptr && part->subtransaction == mine; part = part->next) {
    part->subtransaction = parent;
  }
}

void watch_transactions() {
  if (watching) return;
  RegisterXactCallback(at_transaction_event, nullptr);
  RegisterSubXactCallback(at_subtransaction_event, nullptr);
  watching = true;
}

Part* begin_part(Oid role) {
  watch_transactions();
  const int64 id = draw_ticks(1);
  // Just before the commit is too late to make a partition.
  (void)leaf_of(id);
  const MemoryContext before = MemoryContextSwitchTo(TopTransactionContext);
  auto* part = static_cast<Part*>(palloc0(sizeof(Part)));
  part->id = id;
  part->subtransaction = GetCurrentSubTransactionId();
  part->role = role;
  part->generation = settings_generation;
  part->actor = pstrdup(actor_setting != nullptr ? actor_setting : "");
  part->context = pstrdup(context_setting != nullptr ? context_setting : "");
  part->next = parts;
  parts = part;
  MemoryContextSwitchTo(before);
  return part;
}

bool is_current(Part* part, Oid role) {
  if (part == nullptr || part->role != role) return false;
  if (part->generation == settings_generation) return true;
  const bool same = strcmp(part->actor, actor_setting != nullptr ? actor_setting : "") == 0 &&
                    strcmp(part->context, context_setting != nullptr ? context_setting : "") == 0;
  if (same) part->generation = settings_generation;
  return same;
}

}  // namespace

void define_context_settings() {
  DefineCustomStringVariable(
      "db_guard.actor", "Who acts, as the application claims; kept with every audited transaction.",
      "Use SET LOCAL, so that it ends with the transaction. The role is recorded beside it.",
      &actor_setting, "", PGC_USERSET, 0, nullptr, note_setting, nullptr);
  DefineCustomStringVariable("db_guard.context",
                             "What the application wants to be kept with audited transactions.",
                             "Any text, such as the number of a request. Use SET LOCAL.",
                             &context_setting, "", PGC_USERSET, 0, nullptr, note_setting, nullptr);
}

int64 first_own_number() {
  int64 first = PG_INT64_MAX;
  for (const Part* part = parts; part != nullptr; part = part->next) first = Min(first, part->id);
  return first;
}

int64 current_part() {
  // That of SET ROLE or of the session: whose rights a SECURITY DEFINER function lends does not
  // matter.
  const Oid role = GetOuterUserId();
  if (is_current(parts, role)) return parts->id;
  return begin_part(role)->id;
}

}  // namespace db_guard::rowaudit
