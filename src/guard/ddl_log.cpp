#include "guard/ddl_log.hpp"

#include "pg/server_version.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

namespace db_guard::guard {

namespace {

// Columns of db_guard.ddl_log in order; guard/guard.sql declares them.
enum LogColumn {
  kId,
  kLoggedAt,
  kUserName,
  kSessionUserName,
  kClientAddress,
  kApplicationName,
  kProcessId,
  kTransactionId,
  kCommandTag,
  kObject,
  kStatement,
  kOutcome,
  kFindings,
  kAllowReason,
  kAnalysisError,
  kDropped,
  kDurationMs,
  kColumns
};

// Longer statements are cut: the log is for reading, not for running again.
constexpr int kLongestStatement = 64 * 1024;

// A role may be dropped while it is still logged in.
const char* user_name_of(Oid role) {
  const char* name = GetUserNameFromId(role, true);
  return name != nullptr ? name : psprintf("%u", role);
}

// The server's own function; it returns NULL for a Unix-domain socket.
char* ask_client_address() {
  LOCAL_FCINFO(fcinfo, 0);
  InitFunctionCallInfoData(*fcinfo, nullptr, 0, InvalidOid, nullptr, nullptr);
  const Datum address = inet_client_addr(fcinfo);
  if (fcinfo->isnull) return nullptr;
  return MemoryContextStrdup(TopMemoryContext,
                             DatumGetCString(DirectFunctionCall1(inet_out, address)));
}

// Of this session: it does not change.
const char* client_address() {
  static bool is_known = false;
  static const char* address = nullptr;
  if (!is_known) address = ask_client_address();
  is_known = true;
  return address;
}

bool sets_a_password(const List* options) {
  ListCell* cell = nullptr;
  foreach (cell, options) {
    if (strcmp(static_cast<const DefElem*>(lfirst(cell))->defname, "password") == 0) return true;
  }
  return false;
}

// The statements that carry passwords in the open.
bool may_hold_secrets(const Node* tree) {
  switch (nodeTag(tree)) {
    case T_CreateRoleStmt:
      return sets_a_password(reinterpret_cast<const CreateRoleStmt*>(tree)->options);
    case T_AlterRoleStmt:
      return sets_a_password(reinterpret_cast<const AlterRoleStmt*>(tree)->options);
    case T_AlterSystemStmt: {
      const char* name = reinterpret_cast<const AlterSystemStmt*>(tree)->setstmt->name;
      return name != nullptr && pg_strcasecmp(name, "primary_conninfo") == 0;
    }
    case T_CreateUserMappingStmt:
    case T_AlterUserMappingStmt:
    case T_CreateSubscriptionStmt:
    case T_AlterSubscriptionStmt:
    case T_CreateForeignServerStmt:
    case T_AlterForeignServerStmt:
      return true;
    default:
      return false;
  }
}

// The text around a statement that was not found in it holds other statements, too.
bool mentions_secrets(const char* text) {
  for (const char* word : {"password", "user mapping", "server", "subscription"}) {
    if (strcasestr(text, word) != nullptr) return true;
  }
  return false;
}

const char* statement_text(const Frame& frame, const Node* tree) {
  if (frame.query == nullptr) return nullptr;
  if (may_hold_secrets(tree) || (!frame.located && mentions_secrets(frame.query)))
    return "(not kept: it may hold a password)";
  const char* start = frame.query + frame.location;
  while (isspace(static_cast<unsigned char>(*start))) start++;
  const auto skipped = int(start - (frame.query + frame.location));
  const int length = frame.length > 0 ? frame.length - skipped : int(strlen(start));
  if (length <= kLongestStatement) return pnstrdup(start, length);
  const int clipped = pg_mbcliplen(start, length, kLongestStatement);
  return psprintf("%s ... (%d bytes in all)", pnstrdup(start, clipped), length);
}

// Microseconds since 2000, with room for a part of the process number below, and never the same
// twice in one process. A sequence would be simpler, but nextval changes the client's lastval().
int64 next_id(const LogEntry& entry) {
  static int64 last = 0;
  constexpr int64 kProcesses = 1024;
  last = Max(last + 1, entry.logged_at * kProcesses + entry.process_id % kProcesses);
  return last;
}

Datum text_or_null(const char* value, bool* is_null) {
  *is_null = value == nullptr;
  return value == nullptr ? Datum(0) : CStringGetTextDatum(value);
}

Datum json_or_null(const char* value, bool* is_null) {
  *is_null = value == nullptr;
  return value == nullptr ? Datum(0) : DirectFunctionCall1(jsonb_in, CStringGetDatum(value));
}

Datum inet_or_null(const char* value, bool* is_null) {
  *is_null = value == nullptr;
  return value == nullptr ? Datum(0) : DirectFunctionCall1(inet_in, CStringGetDatum(value));
}

// Nearly every row has it.
Datum no_findings() {
  static Jsonb* empty = nullptr;
  if (empty == nullptr) {
    const Datum made = DirectFunctionCall1(jsonb_in, CStringGetDatum("[]"));
    const MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
    empty = DatumGetJsonbPCopy(made);
    MemoryContextSwitchTo(before);
  }
  return JsonbPGetDatum(empty);
}

HeapTuple form_row(const LogEntry& entry, int64 id, TupleDesc shape) {
  Datum values[kColumns] = {};
  bool nulls[kColumns] = {};
  values[kId] = Int64GetDatum(id);
  values[kLoggedAt] = TimestampTzGetDatum(entry.logged_at);
  values[kUserName] = CStringGetTextDatum(entry.user_name);
  values[kSessionUserName] = CStringGetTextDatum(entry.session_user_name);
  values[kClientAddress] = inet_or_null(entry.client_address, &nulls[kClientAddress]);
  values[kApplicationName] = text_or_null(entry.application_name, &nulls[kApplicationName]);
  values[kProcessId] = Int32GetDatum(entry.process_id);
  values[kTransactionId] = UInt64GetDatum(entry.transaction_id);
  nulls[kTransactionId] = entry.transaction_id == 0;
  values[kCommandTag] = text_or_null(entry.command_tag, &nulls[kCommandTag]);
  values[kObject] = text_or_null(entry.object, &nulls[kObject]);
  values[kStatement] = text_or_null(entry.statement, &nulls[kStatement]);
  values[kOutcome] = text_or_null(entry.outcome, &nulls[kOutcome]);
  values[kFindings] =
      entry.findings == nullptr ? no_findings() : json_or_null(entry.findings, &nulls[kFindings]);
  values[kAllowReason] = text_or_null(entry.allow_reason, &nulls[kAllowReason]);
  values[kAnalysisError] = text_or_null(entry.analysis_error, &nulls[kAnalysisError]);
  values[kDropped] = json_or_null(entry.dropped, &nulls[kDropped]);
  values[kDurationMs] = Float8GetDatum(entry.duration_ms);
  nulls[kDurationMs] = entry.duration_ms < 0;
  return heap_form_tuple(shape, values, nulls);
}

}  // namespace

LogEntry entry_of_session(const Frame& frame, const Node* tree, const char* tag,
                          const char* object) {
  LogEntry entry{};
  entry.logged_at = GetCurrentTimestamp();
  entry.user_name = user_name_of(GetUserId());
  entry.session_user_name =
      GetSessionUserId() == GetUserId() ? entry.user_name : user_name_of(GetSessionUserId());
  entry.client_address = client_address();
  entry.application_name = application_name;
  entry.process_id = MyProcPid;
  entry.transaction_id = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
  entry.command_tag = tag;
  entry.object = object;
  entry.statement = statement_text(frame, tree);
  entry.outcome = frame.outcome != nullptr ? frame.outcome : "done";
  entry.findings = frame.findings;
  entry.analysis_error = frame.analysis_error;
  entry.dropped = frame.dropped;
  entry.duration_ms = frame.started != 0 ? double(entry.logged_at - frame.started) / 1000.0 : -1.0;
  return entry;
}

void insert_entry(const LogEntry& entry) {
  const Oid schema = get_namespace_oid("db_guard", true);
  const Oid log = OidIsValid(schema) ? get_relname_relid("ddl_log", schema) : InvalidOid;
  if (!OidIsValid(log)) {
    ereport(WARNING, (errmsg("db_guard could not log the statement: db_guard.ddl_log is missing"),
                      errhint("DROP EXTENSION db_guard; CREATE EXTENSION db_guard;")));
    return;
  }
  ::Relation table = table_open(log, RowExclusiveLock);
  if (RelationGetDescr(table)->natts == kColumns) {
    HeapTuple row = form_row(entry, next_id(entry), RelationGetDescr(table));
    simple_heap_insert(table, row);
    heap_freetuple(row);
  } else {
    ereport(WARNING,
            (errmsg("db_guard could not log the statement: db_guard.ddl_log has been altered")));
  }
  // The lock stays, as any INSERT's does: nobody truncates what is not committed yet.
  table_close(table, NoLock);
}

}  // namespace db_guard::guard
