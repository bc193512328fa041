// The event triggers: where statements enter the guard.
#include "ddl/catalog_facts.hpp"
#include "ddl/session_tables.hpp"
#include "guard/ddl_log.hpp"
#include "guard/exemptions.hpp"
#include "guard/judge.hpp"
#include "guard/settings.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"
#include "policy/choice_settings.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "tcop/cmdtag.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(db_guard_ddl_command_start);
PG_FUNCTION_INFO_V1(db_guard_ddl_command_end);
PG_FUNCTION_INFO_V1(db_guard_sql_drop);
PG_FUNCTION_INFO_V1(db_guard_table_rewrite);
}

namespace db_guard::guard {

namespace {

Event event_of(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("this function can only be called by an event trigger"),
                    errhint("CREATE EXTENSION db_guard installs the triggers.")));
  }
  const auto* data = reinterpret_cast<EventTriggerData*>(fcinfo->context);
  return {data->parsetree, GetCommandTagName(data->tag), &current_frame(data->parsetree)};
}

// What went beyond the objects that the statement names. $1: it names none.
constexpr const char* kDropped = R"sql(
SELECT jsonb_agg(object_type || ' ' || object_identity)::text
  FROM (SELECT object_type, object_identity
          FROM pg_event_trigger_dropped_objects()
         WHERE NOT is_temporary AND (NOT original OR $1::boolean)
           AND object_type NOT IN ('type', 'toast table', 'default value', 'trigger', 'rule')
         LIMIT 100) AS dropped)sql";

void record_dropped(const Event& event) {
  const pg::Rows rows = pg::query(kDropped, {IsA(event.tree, DropOwnedStmt) ? "t" : "f"});
  if (rows.rows != 1 || rows.at(0, 0) == nullptr) return;
  const char* json = rows.at(0, 0);
  pg::call([&] { event.frame->dropped = keep_in_frame(*event.frame, json); });
}

bool creates_a_table(const Node* tree) {
  return IsA(tree, CreateStmt) || IsA(tree, CreateTableAsStmt);
}

// Most DDL of a migration goes on with a table that it has just made. Asked before anything is
// translated, which would cost more than all else here.
bool goes_on_with_own_table(const Event& event) {
  return (IsA(event.tree, AlterTableStmt) || IsA(event.tree, IndexStmt)) &&
         OidIsValid(event.frame->relation) && policy::choices().packs.empty() &&
         ddl::is_known_to_nobody_else(event.frame->relation);
}

// IF NOT EXISTS may have created nothing; only a relation of this very transaction counts.
void remember_created(const LogObject& object) {
  if (object.temporary || !OidIsValid(object.relation)) return;
  if (ddl::is_created_in_this_transaction(object.relation)) ddl::remember_created(object.relation);
}

bool drops_in_cascade(const Node* tree) {
  return !IsA(tree, DropStmt) || reinterpret_cast<const DropStmt*>(tree)->behavior == DROP_CASCADE;
}

void log_statement(const Event& event, const LogObject& object) {
  if (event.frame->skip_log || object.temporary) return;
  LogEntry entry = entry_of_session(*event.frame, event.tree, event.tag, object.name);
  if (event.frame->outcome != nullptr && strcmp(event.frame->outcome, "allowed") == 0) {
    entry.allow_reason = settings().allow_reason;
  }
  insert_entry(entry);
}

}  // namespace

}  // namespace db_guard::guard

using namespace db_guard;

Datum db_guard_ddl_command_start(PG_FUNCTION_ARGS) {
  const guard::Event event = guard::event_of(fcinfo);
  if (guard::is_exempt()) PG_RETURN_NULL();
  event.frame->skip_log = guard::takes_temporary_name_away(event.tree);
  if (guard::mode() == guard::Mode::kOff) PG_RETURN_NULL();
  if (guard::settings().log_ddl && !event.frame->skip_log) {
    guard::note_object(*event.frame, event.tree);
  }
  if (guard::goes_on_with_own_table(event)) PG_RETURN_NULL();
  pg::enter([&] { guard::judge_statement(event); });
  PG_RETURN_NULL();
}

Datum db_guard_table_rewrite(PG_FUNCTION_ARGS) {
  const guard::Event event = guard::event_of(fcinfo);
  if (guard::mode() == guard::Mode::kOff || guard::is_exempt()) PG_RETURN_NULL();
  // Already said, and let pass.
  if (event.frame->foresaw_rewrite) PG_RETURN_NULL();
  const Oid table =
      DatumGetObjectId(DirectFunctionCall1(pg_event_trigger_table_rewrite_oid, Datum(0)));
  pg::enter([&] { guard::judge_rewrite(event, table); });
  PG_RETURN_NULL();
}

Datum db_guard_sql_drop(PG_FUNCTION_ARGS) {
  const guard::Event event = guard::event_of(fcinfo);
  if (!guard::settings().log_ddl || guard::is_exempt()) PG_RETURN_NULL();
  if (guard::drops_in_cascade(event.tree)) pg::enter([&] { guard::record_dropped(event); });
  PG_RETURN_NULL();
}

Datum db_guard_ddl_command_end(PG_FUNCTION_ARGS) {
  const guard::Event event = guard::event_of(fcinfo);
  if (guard::is_exempt()) PG_RETURN_NULL();
  const bool created = guard::creates_a_table(event.tree);
  const bool logs = guard::settings().log_ddl;
  if (!created && !logs) PG_RETURN_NULL();
  const guard::LogObject object = guard::object_of(*event.frame, event.tree);
  if (created) guard::remember_created(object);
  if (logs) guard::log_statement(event, object);
  PG_RETURN_NULL();
}
