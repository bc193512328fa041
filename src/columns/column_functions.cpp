// The SQL functions that enable and disable column triggers.
#include "columns/install.hpp"
#include "columns/standard_columns.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/entry.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(db_guard_enable_updated_at);
PG_FUNCTION_INFO_V1(db_guard_enable_row_version);
PG_FUNCTION_INFO_V1(db_guard_enable_created_by);
PG_FUNCTION_INFO_V1(db_guard_enable_soft_delete);
PG_FUNCTION_INFO_V1(db_guard_disable_updated_at);
PG_FUNCTION_INFO_V1(db_guard_disable_row_version);
PG_FUNCTION_INFO_V1(db_guard_disable_created_by);
PG_FUNCTION_INFO_V1(db_guard_disable_soft_delete);
PG_FUNCTION_INFO_V1(db_guard_add_standard_columns);
PG_FUNCTION_INFO_V1(db_guard_split_arguments);
}

namespace db_guard::columns {

namespace {

using core::concat;
using core::Error;

// The arguments as they come; null for NULL.
struct Input {
  const char* table;
  const char* column;
  const char* first;
  const char* second;
};

const char* text_input(FunctionCallInfo fcinfo, int number) {
  if (PG_NARGS() <= number || PG_ARGISNULL(number)) return nullptr;
  return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

Input read_table_and_column(FunctionCallInfo fcinfo) {
  return {PG_ARGISNULL(0) ? nullptr : psprintf("%u", PG_GETARG_OID(0)),
          PG_ARGISNULL(1) ? nullptr : pstrdup(NameStr(*PG_GETARG_NAME(1))), nullptr, nullptr};
}

Input read_input(FunctionCallInfo fcinfo) {
  Input input = read_table_and_column(fcinfo);
  input.first = text_input(fcinfo, 2);
  input.second = text_input(fcinfo, 3);
  return input;
}

void check_given(const char* value, std::string_view what) {
  if (value == nullptr) throw Error("22004", concat({what, " must not be null"}));
}

void check_input(const Input& input) {
  check_given(input.table, "target");
  check_given(input.column, "column_name");
}

// Adds "name=value" unless it is the default, the first of the choices.
void add_option(Vector<Text>& options, std::string_view argument, std::string_view name,
                const char* value, std::initializer_list<std::string_view> choices) {
  check_given(value, argument);
  for (const std::string_view choice : choices) {
    if (choice != value) continue;
    if (choice != *choices.begin()) options.push_back(concat({name, "=", value}));
    return;
  }
  Vector<Text> names(choices.begin(), choices.end());
  throw Error("22023", concat({argument, " cannot be \"", value, "\""}), {},
              concat({"It is one of ", core::list_of(names, names.size()), "."}));
}

bool enable_updated_at(const Input& input) {
  check_input(input);
  Wish wish{&kUpdatedAt, input.table, input.column, {}};
  add_option(wish.options, "clock", "clock", input.first, {"transaction", "statement", "wall"});
  add_option(wish.options, "explicit_values", "explicit", input.second, {"override", "honour"});
  return enable(wish);
}

bool enable_row_version(const Input& input, bool required) {
  check_input(input);
  Wish wish{&kRowVersion, input.table, input.column, {}};
  if (required) wish.options.emplace_back("required=on");
  return enable(wish);
}

bool enable_created_by(const Input& input) {
  check_input(input);
  Wish wish{&kCreatedBy, input.table, input.column, {}};
  add_option(wish.options, "explicit_values", "explicit", input.first, {"honour", "override"});
  return enable(wish);
}

bool enable_soft_delete(const Input& input) {
  check_input(input);
  Wish wish{&kSoftDelete, input.table, input.column, {}};
  add_option(wish.options, "clock", "clock", input.first, {"transaction", "statement", "wall"});
  return enable(wish);
}

Datum disable_one(FunctionCallInfo fcinfo, const Feature& feature) {
  const Input input = read_table_and_column(fcinfo);
  return BoolGetDatum(pg::enter([&] {
    check_input(input);
    return disable(feature, input.table, input.column);
  }));
}

}  // namespace

}  // namespace db_guard::columns

using namespace db_guard;
using namespace db_guard::columns;

Datum db_guard_enable_updated_at(PG_FUNCTION_ARGS) {
  const Input input = read_input(fcinfo);
  PG_RETURN_BOOL(pg::enter([&] { return enable_updated_at(input); }));
}

Datum db_guard_enable_row_version(PG_FUNCTION_ARGS) {
  const Input input = read_table_and_column(fcinfo);
  const bool required = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
  PG_RETURN_BOOL(pg::enter([&] { return enable_row_version(input, required); }));
}

Datum db_guard_enable_created_by(PG_FUNCTION_ARGS) {
  const Input input = read_input(fcinfo);
  PG_RETURN_BOOL(pg::enter([&] { return enable_created_by(input); }));
}

Datum db_guard_enable_soft_delete(PG_FUNCTION_ARGS) {
  const Input input = read_input(fcinfo);
  PG_RETURN_BOOL(pg::enter([&] { return enable_soft_delete(input); }));
}

Datum db_guard_disable_updated_at(PG_FUNCTION_ARGS) { return disable_one(fcinfo, kUpdatedAt); }

Datum db_guard_disable_row_version(PG_FUNCTION_ARGS) { return disable_one(fcinfo, kRowVersion); }

Datum db_guard_disable_created_by(PG_FUNCTION_ARGS) { return disable_one(fcinfo, kCreatedBy); }

Datum db_guard_disable_soft_delete(PG_FUNCTION_ARGS) { return disable_one(fcinfo, kSoftDelete); }

// A name[] of the columns that were added.
Datum db_guard_add_standard_columns(PG_FUNCTION_ARGS) {
  const char* table = PG_ARGISNULL(0) ? nullptr : psprintf("%u", PG_GETARG_OID(0));
  const StandardColumns added = pg::enter([&] {
    check_given(table, "target");
    return add_standard_columns(table);
  });
  Datum names[kStandardColumns];
  int count = 0;
  for (int i = 0; i < kStandardColumns; i++) {
    if (added.added[i]) {
      names[count++] = DirectFunctionCall1(namein, CStringGetDatum(standard_column_name(i)));
    }
  }
  PG_RETURN_ARRAYTYPE_P(construct_array(names, count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

// Each argument ends with a zero byte.
Datum db_guard_split_arguments(PG_FUNCTION_ARGS) {
  const bytea* arguments = PG_GETARG_BYTEA_PP(0);
  const char* at = VARDATA_ANY(arguments);
  const char* end = at + VARSIZE_ANY_EXHDR(arguments);
  ArrayBuildState* texts = initArrayResult(TEXTOID, CurrentMemoryContext, false);
  while (at < end) {
    const auto length = strnlen(at, static_cast<size_t>(end - at));
    const Datum text = PointerGetDatum(cstring_to_text_with_len(at, static_cast<int>(length)));
    texts = accumArrayResult(texts, text, false, TEXTOID, CurrentMemoryContext);
    at += length + 1;
  }
  PG_RETURN_DATUM(makeArrayResult(texts, CurrentMemoryContext));
}
