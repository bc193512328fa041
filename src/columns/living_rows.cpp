// What belongs to soft delete besides its trigger: a view of the rows that are not deleted, and
// getting rid of those that are.
#include "columns/install.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(db_guard_create_living_view);
PG_FUNCTION_INFO_V1(db_guard_purge_deleted);
}

namespace db_guard::columns {

namespace {

using core::concat;
using core::Error;

constexpr const char* kMarkedColumn = R"sql(
SELECT (db_guard.split_arguments(tgargs))[1]
  FROM pg_trigger
 WHERE tgrelid = $1::oid AND tgfoid = 'db_guard.keep_deleted_row()'::regprocedure LIMIT 1)sql";

constexpr const char* kTarget = R"sql(
SELECT c.oid::regclass::text, n.nspname, c.relname
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1::oid)sql";

// What has the name already: nothing, or a view of this table, or something else.
constexpr const char* kTaken = R"sql(
SELECT c.oid::regclass::text,
       c.relkind = 'v'
       AND EXISTS (SELECT FROM pg_rewrite AS r JOIN pg_depend AS d
                       ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                    WHERE r.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass
                      AND d.refobjid = $1::oid)
  FROM pg_class AS c
 WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = $1::oid)
   AND c.relname = $2::name)sql";

constexpr const char* kCreateView = R"sql(
SELECT format('CREATE OR REPLACE VIEW %I.%I WITH (security_invoker = true) AS '
              'SELECT * FROM %s WHERE %I IS NULL', $1, $2::name, $3, $4))sql";

constexpr const char* kPurge = R"sql(
SELECT format('WITH gone AS (DELETE FROM %1$s WHERE %2$I <= now() - %3$L::interval RETURNING 1) '
              'SELECT count(*) FROM gone', $1, $2, $3))sql";

// A row of a partitioned table is known by its partition and its place there.
constexpr const char* kPurgeSome = R"sql(
SELECT format('WITH old AS (SELECT tableoid AS part, ctid AS place FROM %1$s '
              'WHERE %2$I <= now() - %3$L::interval LIMIT %4$s FOR UPDATE SKIP LOCKED), '
              'gone AS (DELETE FROM %1$s AS doomed USING old '
              'WHERE doomed.ctid = old.place AND doomed.tableoid = old.part RETURNING 1) '
              'SELECT count(*) FROM gone', $1, $2, $3, $4))sql";

struct Living {
  Text name;
  Text schema;
  Text table;
  Text column;
};

Living living_rows_of(const char* table) {
  if (table == nullptr) throw Error("22004", Text("target must not be null"));
  const pg::Rows target = pg::query(kTarget, {table});
  if (target.rows == 0) {
    throw Error("42P01", concat({"there is no relation with OID ", table}), {},
                Text("It was dropped."));
  }
  const pg::Rows column = pg::query(kMarkedColumn, {table});
  if (column.rows == 0) {
    throw Error("55000", concat({"soft delete is not enabled for ", target.text(0, 0)}), {},
                concat({"SELECT db_guard.enable_soft_delete('", target.text(0, 0), "') first."}))
        .at({Text(target.text(0, 1)), Text(target.text(0, 2)), {}, {}});
  }
  return {Text(target.text(0, 0)), Text(target.text(0, 1)), Text(target.text(0, 2)),
          Text(column.text(0, 0))};
}

// The view's OID as text.
const char* create_view(const char* table, const char* asked) {
  const Living living = living_rows_of(table);
  Text name = asked != nullptr ? Text(asked) : living.table;
  if (asked == nullptr) {
    const pg::Rows fitting =
        pg::query("SELECT left($1, 63 - (octet_length($1) - char_length($1)) - 7) || '_living'",
                  {living.table.c_str()});
    name = Text(fitting.text(0, 0));
  }
  const pg::Rows taken = pg::query(kTaken, {table, name.c_str()});
  if (taken.rows > 0 && taken.text(0, 1) != "t") {
    throw Error("42P07", concat({"relation ", taken.text(0, 0), " is something else already"}), {},
                Text("Give view_name."));
  }
  const pg::Rows statement = pg::query(kCreateView, {living.schema.c_str(), name.c_str(),
                                                     living.name.c_str(), living.column.c_str()});
  pg::query(statement.at(0, 0));
  const pg::Rows view =
      pg::query("SELECT oid FROM pg_class WHERE relname = $2::name AND relnamespace = "
                "(SELECT relnamespace FROM pg_class WHERE oid = $1::oid)",
                {table, name.c_str()});
  return view.at(0, 0);
}

std::int64_t purge(const char* table, const char* older_than, const char* most) {
  if (older_than == nullptr) throw Error("22004", Text("older_than must not be null"));
  const Living living = living_rows_of(table);
  const pg::Rows statement = pg::query(
      most != nullptr ? kPurgeSome : kPurge,
      most != nullptr ? std::initializer_list<const char*>{living.name.c_str(),
                                                           living.column.c_str(), older_than, most}
                      : std::initializer_list<const char*>{living.name.c_str(),
                                                           living.column.c_str(), older_than});
  const pg::Rows count = pg::query(statement.at(0, 0));
  return std::strtoll(count.at(0, 0), nullptr, 10);
}

}  // namespace

}  // namespace db_guard::columns

using namespace db_guard;
using namespace db_guard::columns;

Datum db_guard_create_living_view(PG_FUNCTION_ARGS) {
  const char* table = PG_ARGISNULL(0) ? nullptr : psprintf("%u", PG_GETARG_OID(0));
  const char* name = PG_ARGISNULL(1) ? nullptr : pstrdup(NameStr(*PG_GETARG_NAME(1)));
  const Oid view = pg::enter(
      [&] { return static_cast<Oid>(std::strtoul(create_view(table, name), nullptr, 10)); });
  PG_RETURN_OID(view);
}

Datum db_guard_purge_deleted(PG_FUNCTION_ARGS) {
  const char* table = PG_ARGISNULL(0) ? nullptr : psprintf("%u", PG_GETARG_OID(0));
  const char* age = PG_ARGISNULL(1)
                        ? nullptr
                        : DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(1)));
  const char* most =
      PG_ARGISNULL(2)
          ? nullptr
          : psprintf("%lld", static_cast<long long>(std::max<int64>(PG_GETARG_INT64(2), 0)));
  PG_RETURN_INT64(pg::enter([&] { return purge(table, age, most); }));
}
