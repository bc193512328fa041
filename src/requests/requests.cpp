// Idempotency keys: claiming, completing and releasing a request. Plain server code throughout,
// with plans that live as long as the session: this runs once for every request of an application.
#include "pg/prelude.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(db_guard_claim_request);
PG_FUNCTION_INFO_V1(db_guard_complete_request);
PG_FUNCTION_INFO_V1(db_guard_release_request);
}

namespace db_guard::requests {

namespace {

constexpr int kMostParameters = 3;

struct Statement {
  const char* sql;
  int parameters;
  Oid types[kMostParameters];
  SPIPlanPtr plan;
};

// These run under the caller's search_path, hence the names in full.

// Reads before it writes, so that a request that is complete costs no WAL.
Statement read_request{
    "SELECT completed_at IS NOT NULL, fingerprint, reply, token, lease_until, "
    "lease_until OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp() FROM db_guard.requests "
    "WHERE claimant OPERATOR(pg_catalog.=) current_user AND key OPERATOR(pg_catalog.=) $1",
    1,
    {TEXTOID},
    nullptr};

// One statement: whoever comes second waits here for the first one's end.
Statement insert_request{"INSERT INTO db_guard.requests (key, fingerprint, lease_until) "
                         "VALUES ($1, $2, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) $3) "
                         "ON CONFLICT (claimant, key) DO NOTHING RETURNING token, lease_until",
                         3,
                         {TEXTOID, TEXTOID, INTERVALOID},
                         nullptr};

Statement take_over_request{
    "UPDATE db_guard.requests SET token = token OPERATOR(pg_catalog.+) 1, "
    "claimed_at = pg_catalog.clock_timestamp(), "
    "lease_until = pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) $3 "
    "WHERE claimant OPERATOR(pg_catalog.=) current_user AND key OPERATOR(pg_catalog.=) $1 "
    "AND fingerprint OPERATOR(pg_catalog.=) $2 AND completed_at IS NULL "
    "AND lease_until OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp() "
    "RETURNING token, lease_until",
    3,
    {TEXTOID, TEXTOID, INTERVALOID},
    nullptr};

Statement complete{
    "UPDATE db_guard.requests SET completed_at = pg_catalog.clock_timestamp(), reply = $3 "
    "WHERE claimant OPERATOR(pg_catalog.=) current_user AND key OPERATOR(pg_catalog.=) $1 "
    "AND token OPERATOR(pg_catalog.=) $2 AND completed_at IS NULL",
    3,
    {TEXTOID, INT8OID, JSONBOID},
    nullptr};

// The row stays, so that no two claims of a key ever have the same token.
Statement release{
    "UPDATE db_guard.requests SET lease_until = '-infinity' "
    "WHERE claimant OPERATOR(pg_catalog.=) current_user AND key OPERATOR(pg_catalog.=) $1 "
    "AND token OPERATOR(pg_catalog.=) $2 AND completed_at IS NULL "
    "AND lease_until OPERATOR(pg_catalog.>) '-infinity'",
    2,
    {TEXTOID, INT8OID},
    nullptr};

void prepare(Statement& statement) {
  if (statement.plan != nullptr) return;
  SPIPlanPtr plan = SPI_prepare_cursor(statement.sql, statement.parameters, statement.types,
                                       CURSOR_OPT_GENERIC_PLAN);
  if (plan == nullptr) elog(ERROR, "SPI failed: %s", SPI_result_code_string(SPI_result));
  SPI_keepplan(plan);
  statement.plan = plan;
}

bool is_planned(SPIPlanPtr plan) {
  const auto* source =
      static_cast<const CachedPlanSource*>(linitial(SPI_plan_get_plan_sources(plan)));
  return source->is_valid && source->gplan != nullptr && source->gplan->is_valid;
}

// A plan that is made while the table is empty must not scan it when it has grown. Not said of the
// functions in SQL, where it would be set and reset for every call.
int execute(SPIPlanPtr plan, Datum* values, const char* nulls) {
  if (is_planned(plan)) return SPI_execute_plan(plan, values, nulls, false, 0);
  const int level = NewGUCNestLevel();
  (void)set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                          true, 0, false);
  const int code = SPI_execute_plan(plan, values, nulls, false, 0);
  AtEOXact_GUC(true, level);
  return code;
}

// How many rows it returned or changed.
uint64 run(Statement& statement, FunctionCallInfo fcinfo) {
  prepare(statement);
  Datum values[kMostParameters];
  char nulls[kMostParameters + 1];
  for (int i = 0; i < statement.parameters; i++) {
    values[i] = PG_GETARG_DATUM(i);
    nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
  }
  const int code = execute(statement.plan, values, nulls);
  if (code < 0) elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
  return SPI_processed;
}

void check_given(FunctionCallInfo fcinfo, int argument, const char* name) {
  if (!PG_ARGISNULL(argument)) return;
  ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name)));
}

void check_lease(FunctionCallInfo fcinfo) {
  const Interval* lease = PG_GETARG_INTERVAL_P(2);
  if (lease->month > 0 || lease->day > 0 || lease->time > 0) return;
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("lease must be longer than nothing"),
           errhint("Give it the time that the work takes at most.")));
}

enum class State { kClaimed, kDone, kBusy };

const char* word_of(State state) {
  switch (state) {
    case State::kClaimed:
      return "claimed";
    case State::kDone:
      return "done";
    case State::kBusy:
      break;
  }
  return "busy";
}

struct Claim {
  State state;
  NullableDatum reply;
  int64 token;
  TimestampTz lease_until;
};

Datum cell(int column, bool* is_null) {
  return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, is_null);
}

// What the statement before returned, in columns `first` and the one behind.
Claim read_claim(State state, int first) {
  bool is_null = false;
  Claim claim{state, {0, true}, 0, 0};
  claim.token = DatumGetInt64(cell(first, &is_null));
  claim.lease_until = DatumGetTimestampTz(cell(first + 1, &is_null));
  return claim;
}

void check_fingerprint(FunctionCallInfo fcinfo) {
  bool is_null = false;
  const text* stored = DatumGetTextPP(cell(2, &is_null));
  const text* given = PG_GETARG_TEXT_PP(1);
  if (VARSIZE_ANY_EXHDR(stored) == VARSIZE_ANY_EXHDR(given) &&
      memcmp(VARDATA_ANY(stored), VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given)) == 0) {
    return;
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("the key \"%s\" was used for another request",
                         text_to_cstring(PG_GETARG_TEXT_PP(0))),
                  errdetail("The fingerprints differ."),
                  errhint("A client that asks for something else needs another key.")));
}

bool flag(int column) {
  bool is_null = false;
  return DatumGetBool(cell(column, &is_null));
}

// The reply must outlive SPI.
NullableDatum keep_reply() {
  bool is_null = false;
  const Datum reply = cell(3, &is_null);
  if (is_null) return {0, true};
  return {SPI_datumTransfer(reply, false, -1), false};
}

// What stands there: done or busy, or nothing that counts.
bool find_request(FunctionCallInfo fcinfo, Claim& claim) {
  if (run(read_request, fcinfo) == 0) return false;
  check_fingerprint(fcinfo);
  const bool done = flag(1);
  if (!done && flag(6)) return false;
  claim = read_claim(done ? State::kDone : State::kBusy, 4);
  if (done) claim.reply = keep_reply();
  return true;
}

Relation open_requests(Oid& index) {
  const Oid schema = get_namespace_oid("db_guard", false);
  const Oid table = get_relname_relid("requests", schema);
  index = get_relname_relid("requests_pkey", schema);
  return OidIsValid(table) ? table_open(table, AccessShareLock) : nullptr;
}

// One look into the index, which is a fraction of what a statement costs. Whoever may not read the
// row learns of it from the INSERT, too. True where it cannot be said.
bool may_be_there(FunctionCallInfo fcinfo) {
  Oid index = InvalidOid;
  Relation table = open_requests(index);
  if (table == nullptr || !OidIsValid(index)) return true;
  NameData role;
  namestrcpy(&role, GetUserNameFromId(GetUserId(), false));
  ScanKeyData keys[2];
  ScanKeyEntryInitialize(&keys[0], 0, 1, BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID,
                         F_NAMEEQ, NameGetDatum(&role));
  ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, InvalidOid, DEFAULT_COLLATION_OID,
                         F_TEXTEQ, PG_GETARG_DATUM(0));
  SysScanDesc scan = systable_beginscan(table, index, true, SnapshotSelf, 2, keys);
  const bool found = HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  table_close(table, NoLock);
  return found;
}

bool claim_now(FunctionCallInfo fcinfo, Claim& claim) {
  if (run(insert_request, fcinfo) == 0 && run(take_over_request, fcinfo) == 0) return false;
  claim = read_claim(State::kClaimed, 1);
  return true;
}

// Between two looks somebody may complete or release it; then the next look or claim settles it.
Claim claim_request(FunctionCallInfo fcinfo) {
  Claim claim{};
  for (;;) {
    if (may_be_there(fcinfo) && find_request(fcinfo, claim)) return claim;
    if (claim_now(fcinfo, claim)) return claim;
    CHECK_FOR_INTERRUPTS();
  }
}

void connect() {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
}

void refuse_completion(FunctionCallInfo fcinfo) {
  ereport(
      ERROR,
      (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
       errmsg("the request \"%s\" is not yours to complete", text_to_cstring(PG_GETARG_TEXT_PP(0))),
       errdetail("It is complete, was never claimed, or was claimed again when the lease of "
                 "token %lld had ended.",
                 static_cast<long long>(PG_GETARG_INT64(1))),
       errhint("Roll back, and claim the request again to see its reply.")));
}

Datum record_of(FunctionCallInfo fcinfo, const Claim& claim) {
  TupleDesc shape = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &shape) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  const bool claimed = claim.state == State::kClaimed;
  Datum values[] = {CStringGetTextDatum(word_of(claim.state)), claim.reply.value,
                    Int64GetDatum(claim.token), TimestampTzGetDatum(claim.lease_until)};
  bool nulls[] = {false, claim.reply.isnull, !claimed, claim.state == State::kDone};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(shape), values, nulls));
}

}  // namespace

}  // namespace db_guard::requests

using namespace db_guard::requests;

Datum db_guard_claim_request(PG_FUNCTION_ARGS) {
  check_given(fcinfo, 0, "key");
  check_given(fcinfo, 1, "fingerprint");
  check_given(fcinfo, 2, "lease");
  check_lease(fcinfo);
  connect();
  const Claim claim = claim_request(fcinfo);
  SPI_finish();
  return record_of(fcinfo, claim);
}

Datum db_guard_complete_request(PG_FUNCTION_ARGS) {
  check_given(fcinfo, 0, "key");
  check_given(fcinfo, 1, "token");
  connect();
  if (run(complete, fcinfo) == 0) refuse_completion(fcinfo);
  SPI_finish();
  PG_RETURN_VOID();
}

Datum db_guard_release_request(PG_FUNCTION_ARGS) {
  check_given(fcinfo, 0, "key");
  check_given(fcinfo, 1, "token");
  connect();
  const bool released = run(release, fcinfo) > 0;
  SPI_finish();
  PG_RETURN_BOOL(released);
}
