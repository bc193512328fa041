#include "policy/known_findings.hpp"

#include "core/fingerprint.hpp"
#include "core/sql_text.hpp"
#include "core/sql_tokens.hpp"
#include "pg/call.hpp"
#include "pg/own_table.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "parser/parser.h"
#include "utils/timestamp.h"
}

namespace db_guard::policy {

namespace {

// Columns of db_guard.rule_baseline in order; policy/policy.sql declares them.
enum BaselineColumn {
  kFingerprint,
  kRule,
  kObject,
  kStatement,
  kReason,
  kExpires,
  kAuthor,
  kRecordedAt,
  kColumns
};
constexpr Oid kTypes[kColumns] = {INT8OID, TEXTOID,        TEXTOID, TEXTOID,
                                  TEXTOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID};
constexpr pg::OwnTable kTable{"rule_baseline", kTypes, kColumns};
constexpr const char* kKey = "rule_baseline_key";

// A finding to look for, and what was found. A plain value.
struct Search {
  std::int64_t fingerprint;
  const char* rule;
  const char* object;
  const char* statement;
  bool known;
  const char* reason;  // null for none
};

bool has_expired(HeapTuple row, TupleDesc shape) {
  bool is_null = false;
  const Datum expires = heap_getattr(row, kExpires + 1, shape, &is_null);
  return !is_null && DatumGetTimestampTz(expires) <= GetCurrentTimestamp();
}

bool equals(HeapTuple row, TupleDesc shape, BaselineColumn column, const char* expected) {
  const char* text = pg::text_of_column(row, shape, column);
  return text != nullptr && strcmp(text, expected) == 0;
}

void compare(HeapTuple row, TupleDesc shape, void* argument) {
  auto* search = static_cast<Search*>(argument);
  if (has_expired(row, shape) || !equals(row, shape, kRule, search->rule) ||
      !equals(row, shape, kObject, search->object) ||
      !equals(row, shape, kStatement, search->statement)) {
    return;
  }
  search->known = true;
  search->reason = pg::text_of_column(row, shape, kReason);
}

void look_up(Search* searches, std::size_t count) {
  const char* problem = nullptr;
  ::Relation table = pg::open_own_table(kTable, &problem);
  if (problem != nullptr) {
    ereport(WARNING, (errmsg("db_guard could not read its baseline: %s", problem),
                      errdetail("No finding on this statement counts as known.")));
  }
  if (table == nullptr) return;
  for (std::size_t i = 0; i < count; i++) {
    pg::read_rows_of_key(table, kKey, searches[i].fingerprint, compare, &searches[i]);
  }
  pg::close_own_table(table);
}

void put_aside(const char* reason, Finding& finding) {
  const auto severity = core::severity_name(finding.severity);
  finding.severity = Severity::kOff;
  finding.evidence.push_back({"default_severity", Text(severity), 0, false});
  finding.evidence.push_back({"policy", Text("rule_baseline"), 0, false});
  if (reason != nullptr) finding.evidence.push_back({"policy_reason", Text(reason), 0, false});
}

}  // namespace

Text baseline_statement(std::string_view sql) {
  return core::without_layout(core::trim_statement(sql));
}

std::int64_t baseline_fingerprint(std::string_view rule, std::string_view object,
                                  std::string_view statement) {
  return static_cast<std::int64_t>(core::fingerprint_of({rule, object, statement}));
}

void put_known_aside(std::string_view sql, Vector<Finding>& findings) {
  // Otherwise a backslash could hide from this reader of SQL what the server's reads.
  if (sql.empty() || !standard_conforming_strings) return;
  const Text statement = baseline_statement(sql);
  // Rules are views of constants, which end with a zero byte.
  Vector<Search> searches;
  for (const Finding& finding : findings) {
    searches.push_back({baseline_fingerprint(finding.rule, finding.object, statement),
                        finding.rule.data(), finding.object.c_str(), statement.c_str(), false,
                        nullptr});
  }
  pg::call([first = searches.data(), count = searches.size()] { look_up(first, count); });
  for (std::size_t i = 0; i < searches.size(); i++) {
    if (searches[i].known) put_aside(searches[i].reason, findings[i]);
  }
}

}  // namespace db_guard::policy
