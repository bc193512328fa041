// db_guard.script_findings: what db_guard.baseline records.
#include "lint/checker.hpp"
#include "pg/call.hpp"
#include "pg/entry.hpp"
#include "policy/known_findings.hpp"
#include "rules/registry.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(db_guard_script_findings);
}

namespace db_guard::lint {

namespace {

using core::Text;

void put_finding(const ReportedFinding& finding, ReturnSetInfo* result) {
  const Text statement = policy::baseline_statement(finding.text);
  const std::int64_t fingerprint =
      policy::baseline_fingerprint(finding.rule, finding.object, statement);
  const char* rule = finding.rule.c_str();
  const char* object = finding.object.c_str();
  const char* text = statement.c_str();
  const char* severity = core::severity_name(finding.severity).data();
  pg::call([&] {
    Datum values[] = {Int64GetDatum(fingerprint), CStringGetTextDatum(rule),
                      CStringGetTextDatum(object), CStringGetTextDatum(text),
                      CStringGetTextDatum(severity)};
    bool nulls[std::size(values)] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  });
}

// What the linter has to say of the reading is nothing that the guard could tell again.
void put_findings(const char* sql, ReturnSetInfo* result) {
  ScriptSettings settings;
  pg::call([&] { settings.begin(); });
  Checker checker(settings, false);
  checker.check_file({}, sql);
  for (const ReportedFinding& finding : checker.take()) {
    if (rules::find_rule(finding.rule) != nullptr) put_finding(finding, result);
  }
  pg::call([&] { settings.forget(); });
}

}  // namespace

}  // namespace db_guard::lint

using namespace db_guard;

Datum db_guard_script_findings(PG_FUNCTION_ARGS) {
  const char* sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  pg::enter([&] { lint::put_findings(sql, result); });
  PG_RETURN_NULL();
}
