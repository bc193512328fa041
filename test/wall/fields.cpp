// The same server error bare and through the wall, to be compared field by field.
#include "pg/call.hpp"
#include "pg/entry.hpp"
#include "wall.hpp"

extern "C" {
#include "executor/spi.h"

PG_FUNCTION_INFO_V1(db_guard_wall_raise_bare);
PG_FUNCTION_INFO_V1(db_guard_wall_raise_call);
PG_FUNCTION_INFO_V1(db_guard_wall_execute_bare);
PG_FUNCTION_INFO_V1(db_guard_wall_execute_call);
}

namespace db_guard::wall {

namespace {

// The name of a source file that is too long for the first block of a small context: a copy of it
// that does not outlive its context is rubbish afterwards, and not just dangling.
char long_name[2001];

void say_every_field(bool internal) {
  errcode(ERRCODE_CHECK_VIOLATION);
  errmsg("the message");
  errdetail("the detail");
  errdetail_log("the detail for the log");
  errhint("the hint");
  errcontext("the context");
  err_generic_string(PG_DIAG_SCHEMA_NAME, "the schema");
  err_generic_string(PG_DIAG_TABLE_NAME, "the table");
  err_generic_string(PG_DIAG_COLUMN_NAME, "the column");
  err_generic_string(PG_DIAG_DATATYPE_NAME, "the type");
  err_generic_string(PG_DIAG_CONSTRAINT_NAME, "the constraint");
  if (internal) {
    internalerrquery("SELECT inside");
    internalerrposition(8);
  } else {
    errposition(8);
  }
}

// ereport, with a name of the source file of our own.
void raise_every_field(bool internal) {
  std::memset(long_name, 'f', sizeof(long_name) - 1);
  if (!errstart(ERROR, TEXTDOMAIN)) return;
  say_every_field(internal);
  errfinish(long_name, 1, __func__);
}

void execute(const char* sql) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  SPI_execute(sql, false, 0);
  SPI_finish();
}

}  // namespace

}  // namespace db_guard::wall

using namespace db_guard;

Datum db_guard_wall_raise_bare(PG_FUNCTION_ARGS) {
  wall::raise_every_field(PG_GETARG_BOOL(0));
  PG_RETURN_VOID();
}

Datum db_guard_wall_raise_call(PG_FUNCTION_ARGS) {
  const bool internal = PG_GETARG_BOOL(0);
  pg::enter([&] { pg::call([&] { wall::raise_every_field(internal); }); });
  PG_RETURN_VOID();
}

Datum db_guard_wall_execute_bare(PG_FUNCTION_ARGS) {
  wall::execute(wall::text_argument(fcinfo, 0));
  PG_RETURN_VOID();
}

Datum db_guard_wall_execute_call(PG_FUNCTION_ARGS) {
  const char* sql = wall::text_argument(fcinfo, 0);
  pg::enter([&] { pg::call([&] { wall::execute(sql); }); });
  PG_RETURN_VOID();
}
