// db_guard.script_findings: what db_guard.baseline records.
#include "ddl/catalog_facts.hpp"
#include "ddl/translate.hpp"
#include "effects/catalog_predictor.hpp"
#include "effects/script_state.hpp"
#include "lint/script.hpp"
#include "pg/entry.hpp"
#include "pg/subtransaction.hpp"
#include "policy/known_findings.hpp"
#include "rules/evaluate.hpp"

extern "C" {
#include "funcapi.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(db_guard_script_findings);
}

namespace db_guard::lint {

namespace {

using core::Finding;
using core::Text;
using core::Vector;

// The guard's own; its values are in kilobytes.
std::uint64_t small_table_bytes() {
  const char* value =
      pg::call([] { return GetConfigOption("db_guard.small_table_size", true, false); });
  return value != nullptr ? std::strtoull(value, nullptr, 10) * 1024 : 0;
}

// What the server will refuse, because something is not there or not yet, has no findings.
Vector<Finding> judge(const ScriptStatement& statement, const effects::ScriptState& script) {
  Node* tree = statement.tree;
  const char* tag = pg::call([&] { return CreateCommandName(tree); });
  const ddl::Statement translated = ddl::translate(tree, tag, {});
  Vector<Finding> findings;
  if (!rules::is_judged(translated)) return findings;
  try {
    pg::rolled_back([&] {
      ddl::CatalogFacts facts;
      effects::CatalogPredictor predictor(statement.number > 1 ? &script : nullptr);
      findings = rules::evaluate(translated, predictor, facts, small_table_bytes());
    });
  } catch (const ddl::Refused&) {
    findings.clear();
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
  }
  return findings;
}

void note(effects::ScriptState& script, Node* tree) {
  try {
    pg::rolled_back([&] { pg::call([&] { effects::note_statement(script, tree); }); });
  } catch (const pg::PgError& error) {
    // What goes wrong here the server will refuse.
    if (error.is_interruption()) throw;
  }
}

void put_finding(const Finding& finding, const Text& statement, ReturnSetInfo* result) {
  const std::int64_t fingerprint =
      policy::baseline_fingerprint(finding.rule, finding.object, statement);
  const char* rule = finding.rule.data();
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

void put_findings(const char* sql, ReturnSetInfo* result) {
  effects::ScriptState script{};
  for (const ScriptStatement& statement : parse_script(sql)) {
    pg::check_for_interrupts();
    if (statement.tree == nullptr) continue;
    const Vector<Finding> findings = judge(statement, script);
    note(script, statement.tree);
    if (findings.empty()) continue;
    const Text text = policy::baseline_statement(statement.text);
    for (const Finding& finding : findings) put_finding(finding, text, result);
  }
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
