// batch_update, batch_delete, batch_resume, batch_cancel and batch_plan as SQL calls them.
#include "batch/batch_worker.hpp"
#include "batch/runner.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/as_owner.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "storage/itemptr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(db_guard_batch_update);
PG_FUNCTION_INFO_V1(db_guard_batch_delete);
PG_FUNCTION_INFO_V1(db_guard_batch_start);
PG_FUNCTION_INFO_V1(db_guard_batch_continue);
PG_FUNCTION_INFO_V1(db_guard_batch_resume);
PG_FUNCTION_INFO_V1(db_guard_batch_cancel);
PG_FUNCTION_INFO_V1(db_guard_batch_plan);
PG_FUNCTION_INFO_V1(db_guard_turn_of_row);
}

namespace db_guard::batch {

namespace {

using core::concat;
using core::Error;
using core::number;
using core::Text;

// The arguments of a procedure as plain values, read before the C++ begins.
struct Arguments {
  bool deletes;
  Oid target;
  const char* set_clause;
  const char* where_clause;
  const char* walk;
  const char* wait_while;
  std::optional<std::int64_t> batch_size, max_replica_lag, max_lock_waiters, max_wal_rate;
  std::optional<double> pause_ms, target_ms, max_lock_wait_ms, notice_ms;
};

const char* text_or_null(FunctionCallInfo fcinfo, int number) {
  return PG_ARGISNULL(number) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

std::optional<std::int64_t> integer_or_null(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return std::nullopt;
  return PG_GETARG_INT32(number);
}

std::optional<std::int64_t> bigint_or_null(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return std::nullopt;
  return PG_GETARG_INT64(number);
}

std::optional<double> milliseconds_or_null(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return std::nullopt;
  const Interval* interval = PG_GETARG_INTERVAL_P(number);
  const double days = interval->month * 30.0 + interval->day;
  return days * 86400000.0 + double(interval->time) / 1000.0;
}

// The arguments that both procedures have, from the one behind where_clause on.
void read_options(FunctionCallInfo fcinfo, int first, Arguments& arguments) {
  arguments.batch_size = integer_or_null(fcinfo, first);
  arguments.pause_ms = milliseconds_or_null(fcinfo, first + 1);
  arguments.target_ms = milliseconds_or_null(fcinfo, first + 2);
  arguments.walk = text_or_null(fcinfo, first + 3);
  arguments.max_lock_wait_ms = milliseconds_or_null(fcinfo, first + 4);
  arguments.max_replica_lag = bigint_or_null(fcinfo, first + 5);
  arguments.max_lock_waiters = integer_or_null(fcinfo, first + 6);
  arguments.max_wal_rate = bigint_or_null(fcinfo, first + 7);
  arguments.wait_while = text_or_null(fcinfo, first + 8);
  // In the background nobody reads NOTICEs.
  if (PG_NARGS() > first + 9) arguments.notice_ms = milliseconds_or_null(fcinfo, first + 9);
}

Arguments read_arguments(FunctionCallInfo fcinfo, bool deletes) {
  Arguments arguments{};
  arguments.deletes = deletes;
  arguments.target = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
  if (!deletes) arguments.set_clause = text_or_null(fcinfo, 1);
  arguments.where_clause = text_or_null(fcinfo, deletes ? 1 : 2);
  read_options(fcinfo, deletes ? 2 : 3, arguments);
  return arguments;
}

template <class Value>
Value given(const std::optional<Value>& value, std::string_view name, Value least) {
  if (!value) throw Error("22004", concat({name, " must not be null"}));
  if (*value < least)
    throw Error("22023", concat({name, " is too small"}),
                concat({"The least is ", number(std::int64_t(least)), "."}));
  return *value;
}

void check_optional(const std::optional<std::int64_t>& value, std::string_view name,
                    std::int64_t least) {
  if (value) (void)given(value, name, least);
}

Options options_of(const Arguments& arguments) {
  Options options;
  options.batch_size = given(arguments.batch_size, "batch_size", std::int64_t(1));
  options.pause_ms = given(arguments.pause_ms, "pause", 0.0);
  options.target_ms = arguments.target_ms ? given(arguments.target_ms, "target_time", 0.0) : 0;
  options.max_lock_wait_ms = given(arguments.max_lock_wait_ms, "max_lock_wait", 0.0);
  options.notice_ms = arguments.notice_ms ? given(arguments.notice_ms, "notice_every", 0.0) : 0;
  options.max_replica_lag = arguments.max_replica_lag;
  options.max_lock_waiters = arguments.max_lock_waiters;
  options.max_wal_rate = arguments.max_wal_rate;
  check_optional(options.max_replica_lag, "max_replica_lag", 0);
  check_optional(options.max_lock_waiters, "max_lock_waiters", 0);
  check_optional(options.max_wal_rate, "max_wal_rate", 1);
  if (arguments.wait_while != nullptr) options.wait_while = Text(arguments.wait_while);
  if (arguments.walk == nullptr) throw Error("22004", Text("walk must not be null"));
  const auto walk = walk_by_name(arguments.walk);
  if (!walk) {
    throw Error("22023", concat({"db_guard knows no walk \"", arguments.walk, "\""}), {},
                Text("The walks are auto, stride, keyset and pages."));
  }
  options.walk = *walk;
  return options;
}

Request request_of(const Arguments& arguments) {
  Request request;
  if (!OidIsValid(arguments.target)) throw Error("22004", Text("target must not be null"));
  if (!arguments.deletes && arguments.set_clause == nullptr) {
    throw Error("22004", Text("set_clause must not be null"));
  }
  if (arguments.where_clause != nullptr && *arguments.where_clause == '\0') {
    throw Error("22023", Text("where_clause is empty"), {},
                Text("Leave it out, or NULL, for every row."));
  }
  request.target = arguments.target;
  request.deletes = arguments.deletes;
  if (arguments.set_clause != nullptr) request.set_clause = Text(arguments.set_clause);
  if (arguments.where_clause != nullptr) request.where_clause = Text(arguments.where_clause);
  return request;
}

Job job_of(const Arguments& arguments) {
  Job job;
  job.request = request_of(arguments);
  job.options = options_of(arguments);
  job.owner = GetUserId();
  prepare_job(job);
  return job;
}

void refuse_standby(const char* name) {
  if (!RecoveryInProgress()) return;
  ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                  errmsg("%s changes rows, and this server is a standby", name),
                  errhint("Call it on the primary.")));
}

void refuse_context(FunctionCallInfo fcinfo, const char* name) {
  refuse_standby(name);
  if (pg::may_commit(fcinfo)) return;
  ereport(ERROR,
          (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
           errmsg("%s commits after each batch, so it cannot run inside a transaction block", name),
           errdetail("Nor can it run inside a function, in a DO block within a transaction, or in "
                     "a procedure "
                     "that is SECURITY DEFINER or has a SET clause."),
           errhint("Call it by itself, outside of BEGIN ... COMMIT; in psql with AUTOCOMMIT on, in "
                   "a driver with "
                   "autocommit.")));
}

void start_and_run(const Arguments& arguments) {
  pg::Procedure procedure;
  Job job = job_of(arguments);
  create_job(job);
  procedure.commit();
  run_job(job, procedure);
  procedure.finish();
}

Job load_own_job(std::int64_t id) {
  Job job = load_job(id);
  if (job.owner != GetUserId()) {
    const char* owner = pg::call([&] { return GetUserNameFromId(job.owner, true); });
    throw Error("42501", concat({"batch job ", number(id), " belongs to another role"}),
                Text("Its clauses would run with your rights, and they are not yours."),
                owner != nullptr ? concat({"SET ROLE ", owner, " first."}) : Text());
  }
  if (job.state == "done") {
    throw Error("55000", concat({"batch job ", number(id), " is done"}), {},
                Text("Start a new one to change the rows again."));
  }
  return job;
}

void resume_and_run(std::int64_t id) {
  pg::Procedure procedure;
  Job job = load_own_job(id);
  procedure.commit();
  run_job(job, procedure);
  procedure.finish();
}

// A worker logs in as the role, so the role must be one that can.
void check_login() {
  const pg::Rows rows =
      pg::query("SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolcanlogin");
  if (rows.rows > 0) return;
  throw Error("42501", Text("a role that cannot log in cannot have a background worker"), {},
              Text("Run the job in this session with CALL db_guard.batch_update or batch_resume."));
}

void launch(std::int64_t job) {
  if (pg::call([&] { return launch_worker(job); })) return;
  throw Error("53000", Text("no background worker is free"), {},
              Text("Raise max_worker_processes, or run the job in a session."));
}

std::int64_t start_in_background(const Arguments& arguments) {
  check_login();
  Job job = job_of(arguments);
  job.background = true;
  create_job(job);
  launch(job.id);
  return job.id;
}

void continue_in_background(std::int64_t id) {
  check_login();
  (void)load_own_job(id);
  launch(id);
}

bool may_cancel(Oid owner) {
  return has_privs_of_role(GetUserId(), owner) ||
         has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND);
}

bool cancel(std::int64_t id) {
  const Job job = load_job(id);
  if (!pg::call([&] { return may_cancel(job.owner); })) {
    throw Error("42501", concat({"permission denied to cancel batch job ", number(id)}), {},
                Text("Its owner, members of that role and members of pg_signal_backend can."));
  }
  const Text text = number(id);
  const pg::AsOwner owner;
  const pg::Rows running =
      pg::query("SELECT 1 FROM db_guard.batch_progress WHERE job = $1::bigint AND pid IS NOT NULL",
                {text.c_str()});
  if (running.rows == 0) return false;
  pg::query("INSERT INTO db_guard.batch_cancellations VALUES ($1::bigint) ON CONFLICT DO NOTHING",
            {text.c_str()});
  return true;
}

void put_plan_row(const Job& job, Oid table, ReturnSetInfo* result) {
  TableFacts facts;
  if (!read_table(job.request, table, job.segments.together, facts)) return;
  const Choice choice = walk_of(job, facts);
  Text keys;
  for (const KeyColumn& column : facts.shape.key)
    keys.append(concat({keys.empty() ? "" : ", ", column.name}));
  Text sql;
  if (choice.walk == Walk::kPages) {
    sql = change_pages(facts.shape, choice.passes > 1);
  } else {
    sql = choice.passes > 1 ? change_at(facts.shape) : change_range(facts.shape);
  }
  const Text name = name_of(table), walk(walk_name(choice.walk));
  pg::call([&] {
    const bool no_key = choice.walk == Walk::kPages;
    Datum values[7] = {CStringGetTextDatum(name.c_str()),
                       CStringGetTextDatum(walk.c_str()),
                       CStringGetTextDatum(choice.reason.c_str()),
                       Int32GetDatum(choice.passes),
                       no_key ? Datum(0) : CStringGetTextDatum(keys.c_str()),
                       Float8GetDatum(facts.rows),
                       CStringGetTextDatum(sql.c_str())};
    bool nulls[7] = {false, false, false, false, no_key, false, false};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  });
}

void plan(const Arguments& arguments, ReturnSetInfo* result) {
  Job job = job_of(arguments);
  for (const Oid table : job.segments.tables) put_plan_row(job, table, result);
}

}  // namespace

}  // namespace db_guard::batch

using namespace db_guard;

Datum db_guard_batch_update(PG_FUNCTION_ARGS) {
  batch::refuse_context(fcinfo, "batch_update");
  const batch::Arguments arguments = batch::read_arguments(fcinfo, false);
  pg::enter([&] { batch::start_and_run(arguments); });
  PG_RETURN_VOID();
}

Datum db_guard_batch_delete(PG_FUNCTION_ARGS) {
  batch::refuse_context(fcinfo, "batch_delete");
  const batch::Arguments arguments = batch::read_arguments(fcinfo, true);
  pg::enter([&] { batch::start_and_run(arguments); });
  PG_RETURN_VOID();
}

Datum db_guard_batch_start(PG_FUNCTION_ARGS) {
  batch::refuse_standby("batch_start");
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("operation must not be null")));
  }
  const char* operation = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const bool deletes = strcmp(operation, "delete") == 0;
  if (!deletes && strcmp(operation, "update") != 0) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("db_guard knows no batch operation \"%s\"", operation),
                    errhint("The operations are update and delete.")));
  }
  if (deletes && !PG_ARGISNULL(2)) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a deletion has no set_clause"),
             errhint("The condition goes to where_clause.")));
  }
  batch::Arguments arguments{};
  arguments.deletes = deletes;
  arguments.target = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
  arguments.set_clause = batch::text_or_null(fcinfo, 2);
  arguments.where_clause = batch::text_or_null(fcinfo, 3);
  batch::read_options(fcinfo, 4, arguments);
  PG_RETURN_INT64(pg::enter([&] { return batch::start_in_background(arguments); }));
}

Datum db_guard_batch_continue(PG_FUNCTION_ARGS) {
  batch::refuse_standby("batch_continue");
  const std::int64_t job = PG_GETARG_INT64(0);
  pg::enter([&] { batch::continue_in_background(job); });
  PG_RETURN_VOID();
}

Datum db_guard_batch_resume(PG_FUNCTION_ARGS) {
  batch::refuse_context(fcinfo, "batch_resume");
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("job must not be null")));
  }
  const std::int64_t job = PG_GETARG_INT64(0);
  pg::enter([&] { batch::resume_and_run(job); });
  PG_RETURN_VOID();
}

Datum db_guard_batch_cancel(PG_FUNCTION_ARGS) {
  batch::refuse_standby("batch_cancel");
  const std::int64_t job = PG_GETARG_INT64(0);
  PG_RETURN_BOOL(pg::enter([&] { return batch::cancel(job); }));
}

Datum db_guard_batch_plan(PG_FUNCTION_ARGS) {
  batch::Arguments arguments{};
  arguments.deletes = PG_ARGISNULL(1);
  arguments.target = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
  arguments.set_clause = batch::text_or_null(fcinfo, 1);
  arguments.where_clause = batch::text_or_null(fcinfo, 2);
  arguments.walk = batch::text_or_null(fcinfo, 3);
  arguments.batch_size = 1000;
  arguments.pause_ms = arguments.target_ms = arguments.max_lock_wait_ms = 0;
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  pg::enter([&] { batch::plan(arguments, result); });
  PG_RETURN_NULL();
}

Datum db_guard_turn_of_row(PG_FUNCTION_ARGS) {
  const int turns = PG_GETARG_INT32(1);
  if (turns < 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("turns must be positive")));
  }
  auto* place = reinterpret_cast<ItemPointer>(PG_GETARG_POINTER(0));
  PG_RETURN_INT32(ItemPointerGetOffsetNumberNoCheck(place) % turns);
}
