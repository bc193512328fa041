// db_guard.check_sql, check_report and check_files: what is hazardous in a script, as rows or as a
// report.
#include "core/error.hpp"
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "lint/checker.hpp"
#include "lint/report.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"
#include "rules/registry.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(db_guard_check_sql);
PG_FUNCTION_INFO_V1(db_guard_check_files);
PG_FUNCTION_INFO_V1(db_guard_size_here);
}

namespace db_guard::lint {

namespace {

// In the order of lint/lint.sql.
enum Column { kStatement, kLine, kRule, kSeverity, kObject, kMessage, kDetail, kSafeSql, kColumns };

Datum text_datum(std::string_view text) {
  return PointerGetDatum(cstring_to_text_with_len(text.data(), int(text.size())));
}

Datum text_array(const std::string_view* items, int count) {
  auto* datums = static_cast<Datum*>(palloc(sizeof(Datum) * std::size_t(Max(count, 1))));
  for (int i = 0; i < count; i++) datums[i] = text_datum(items[i]);
  return PointerGetDatum(construct_array(datums, count, TEXTOID, -1, false, TYPALIGN_INT));
}

void put_finding(const ReportedFinding& finding, ReturnSetInfo* result) {
  const Vector<std::string_view> steps(finding.safe_sql.begin(), finding.safe_sql.end());
  pg::call([&] {
    Datum values[kColumns];
    bool nulls[kColumns] = {};
    nulls[kStatement] = finding.statement == 0;
    values[kStatement] = Int32GetDatum(finding.statement);
    values[kLine] = Int32GetDatum(finding.line);
    values[kRule] = text_datum(finding.rule);
    values[kSeverity] = text_datum(core::severity_name(finding.severity));
    nulls[kObject] = finding.object.empty();
    values[kObject] = text_datum(finding.object);
    values[kMessage] = text_datum(finding.message);
    values[kDetail] = text_datum(finding.detail);
    values[kSafeSql] = text_array(steps.data(), int(steps.size()));
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  });
}

// Plain data, as the arguments of a function are.
struct Script {
  const char* file;  // null: without a name
  const char* sql;
};

Vector<ReportedFinding> check(const Script* scripts, int count) {
  // An error takes the settings back with the transaction.
  ScriptSettings settings;
  pg::call([&] { settings.begin(); });
  Checker checker(settings, true);
  for (int i = 0; i < count; i++) {
    checker.check_file(scripts[i].file != nullptr ? scripts[i].file : "", scripts[i].sql);
  }
  pg::call([&] { settings.forget(); });
  return checker.take();
}

Vector<ReportedRule> reported_rules() {
  Vector<ReportedRule> result;
  for (const rules::Rule* rule : rules::all_rules()) {
    result.push_back({rule->slug, rule->severity, rule->title, rule->what, rule->safe_way});
  }
  for (const Notice* notice : kNotices) {
    result.push_back({notice->slug, notice->severity, notice->title, notice->what, {}});
  }
  return result;
}

std::string_view installed_version() {
  const pg::Rows rows = pg::query("SELECT extversion FROM pg_extension WHERE extname = 'db_guard'");
  return rows.rows == 1 ? rows.text(0, 0) : std::string_view();
}

ReportFormat format_of(std::string_view name) {
  const auto format = find_format(name);
  if (format) return *format;
  throw core::Error("22023", core::concat({"db_guard has no report format \"", name, "\""}), {},
                    core::concat({"The formats are: ", kReportFormats, "."}));
}

struct Report {
  text* words;
  int counts[3];  // by severity, worst first
};

Report report(const char* format_name, const Script* scripts, int count, MemoryContext memory) {
  const ReportFormat format = format_of(format_name);
  const Vector<ReportedFinding> findings = check(scripts, count);
  Report result{};
  for (const ReportedFinding& finding : findings) result.counts[int(finding.severity)]++;
  const Text words = write_report(format, findings, reported_rules(), installed_version());
  pg::call([&] {
    const MemoryContext before = MemoryContextSwitchTo(memory);
    result.words = cstring_to_text_with_len(words.data(), int(words.size()));
    MemoryContextSwitchTo(before);
  });
  return result;
}

// Plain server code.
List* texts_of(ArrayType* array, bool may_be_null) {
  Datum* items = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  List* texts = NIL;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
  for (int i = 0; i < count; i++) {
    if (nulls[i] && !may_be_null) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a script is NULL")));
    }
    texts = lappend(texts, nulls[i] ? nullptr : TextDatumGetCString(items[i]));
  }
  return texts;
}

}  // namespace

}  // namespace db_guard::lint

using namespace db_guard;

Datum db_guard_check_sql(PG_FUNCTION_ARGS) {
  const lint::Script script{nullptr, text_to_cstring(PG_GETARG_TEXT_PP(0))};
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  pg::enter([&] {
    for (const lint::ReportedFinding& finding : lint::check(&script, 1)) {
      lint::put_finding(finding, result);
    }
  });
  PG_RETURN_NULL();
}

// format, files, scripts -> report, blocks, warnings, notes
Datum db_guard_check_files(PG_FUNCTION_ARGS) {
  const char* format = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const List* files = lint::texts_of(PG_GETARG_ARRAYTYPE_P(1), true);
  const List* scripts = lint::texts_of(PG_GETARG_ARRAYTYPE_P(2), false);
  const int count = list_length(scripts);
  if (list_length(files) != count) {
    ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                    errmsg("there are %d files and %d scripts", list_length(files), count),
                    errhint("Give each script the name of its file, or NULL.")));
  }
  auto* given = static_cast<lint::Script*>(palloc(sizeof(lint::Script) * Size(Max(count, 1))));
  for (int i = 0; i < count; i++) {
    given[i] = {static_cast<const char*>(list_nth(files, i)),
                static_cast<const char*>(list_nth(scripts, i))};
  }
  TupleDesc row_type = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &row_type) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "check_files returns a row");
  }
  const MemoryContext memory = CurrentMemoryContext;
  const lint::Report report = pg::enter([&] { return lint::report(format, given, count, memory); });
  Datum values[4] = {PointerGetDatum(report.words), Int32GetDatum(report.counts[0]),
                     Int32GetDatum(report.counts[1]), Int32GetDatum(report.counts[2])};
  bool nulls[4] = {};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type), values, nulls)));
}

// relation -> bytes, rows; without a lock on it
Datum db_guard_size_here(PG_FUNCTION_ARGS) {
  TupleDesc row_type = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &row_type) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "size_here returns a row");
  }
  double rows = -1;
  const std::uint64_t bytes = ddl::bytes_of(PG_GETARG_OID(0), &rows);
  Datum values[2] = {Int64GetDatum(int64(bytes)), Float8GetDatum(rows)};
  bool nulls[2] = {false, rows < 0};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type), values, nulls)));
}
