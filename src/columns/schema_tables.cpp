#include "columns/schema_tables.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(db_guard_remember_schema);
PG_FUNCTION_INFO_V1(db_guard_enable_where_it_fits);
}

namespace db_guard::columns {

namespace {

using core::concat;
using core::Error;

constexpr const char* kState = R"sql(
SELECT pg_has_role(c.relowner, 'USAGE'), c.relkind IN ('r', 'p'),
       EXISTS (SELECT FROM pg_attribute
                WHERE attrelid = c.oid AND attname = $2 AND attnum > 0 AND NOT attisdropped),
       EXISTS (SELECT FROM pg_trigger
                WHERE tgrelid = c.oid AND tgfoid = format('db_guard.%I()', $3)::regprocedure
                  AND (db_guard.split_arguments(tgargs))[1] = $2)
  FROM pg_class AS c WHERE c.oid = $1::oid)sql";

constexpr const char* kRemember = R"sql(
INSERT INTO db_guard.managed_schemas AS entry (schema_name, feature, column_name)
VALUES ($1::name, $2, $3::name)
ON CONFLICT (schema_name, feature, column_name) DO NOTHING)sql";

struct SchemaInput {
  const char* schema;
  const char* feature;
  const char* column;
  bool future;
};

const Feature& known_feature(const char* name) {
  if (name == nullptr) throw Error("22004", Text("feature must not be null"));
  const Feature* feature = feature_by_name(name);
  if (feature != nullptr) return *feature;
  throw Error("22023", concat({"db_guard has no column trigger \"", name, "\""}), {},
              Text("There are updated_at, row_version, created_by and soft_delete."));
}

const char* default_column(const Feature& feature) {
  if (&feature == &kRowVersion) return "version";
  return &feature == &kSoftDelete ? "deleted_at" : feature.name.data();
}

void check_schema(const char* schema) {
  if (schema == nullptr) throw Error("22004", Text("schema_name must not be null"));
  if (pg::query("SELECT 1 FROM pg_namespace WHERE nspname = $1", {schema}).rows > 0) return;
  throw Error("3F000", concat({"schema \"", schema, "\" does not exist"}))
      .at({Text(schema), {}, {}, {}});
}

const char* remember_schema(const SchemaInput& input) {
  check_schema(input.schema);
  const Feature& feature = known_feature(input.feature);
  const char* column = input.column != nullptr ? input.column : default_column(feature);
  if (input.future) pg::query(kRemember, {input.schema, input.feature, column});
  return column;
}

}  // namespace

const Feature* feature_by_name(std::string_view name) {
  for (const Feature* feature : kFeatures) {
    if (feature->name == name) return feature;
  }
  return nullptr;
}

const char* enable_where_it_fits(const Feature& feature, const char* table, const char* column) {
  const pg::Rows state = pg::query(kState, {table, column, feature.function});
  if (state.rows == 0 || state.text(0, 1) != "t") return "not a table";
  if (state.text(0, 2) != "t") return "no such column";
  if (state.text(0, 0) != "t") return "not the owner";
  // With whatever options.
  if (state.text(0, 3) == "t") return "was enabled";
  if (!fits(feature, table, column)) return "wrong column";
  enable({&feature, table, column, {}});
  return "enabled";
}

}  // namespace db_guard::columns

using namespace db_guard;
using namespace db_guard::columns;

// The column that is meant.
Datum db_guard_remember_schema(PG_FUNCTION_ARGS) {
  const SchemaInput input{PG_ARGISNULL(0) ? nullptr : pstrdup(NameStr(*PG_GETARG_NAME(0))),
                          PG_ARGISNULL(1) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(1)),
                          PG_ARGISNULL(2) ? nullptr : pstrdup(NameStr(*PG_GETARG_NAME(2))),
                          !PG_ARGISNULL(3) && PG_GETARG_BOOL(3)};
  const char* column = pg::enter([&] { return remember_schema(input); });
  PG_RETURN_DATUM(DirectFunctionCall1(namein, CStringGetDatum(column)));
}

// Strict.
Datum db_guard_enable_where_it_fits(PG_FUNCTION_ARGS) {
  const char* table = psprintf("%u", PG_GETARG_OID(0));
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const char* column = pstrdup(NameStr(*PG_GETARG_NAME(2)));
  const char* state =
      pg::enter([&] { return enable_where_it_fits(known_feature(name), table, column); });
  PG_RETURN_TEXT_P(cstring_to_text(state));
}
