#include "policy/rule_policy.hpp"

#include "pg/call.hpp"
#include "pg/own_table.hpp"
#include "policy/known_findings.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"
}

namespace db_guard::policy {

namespace {

// Columns of db_guard.rule_policy in order; policy/policy.sql declares them.
enum PolicyColumn {
  kRule,
  kSchemaPattern,
  kTablePattern,
  kAction,
  kReason,
  kExpires,
  kAuthor,
  kSetAt,
  kColumns
};
constexpr Oid kTypes[kColumns] = {TEXTOID, TEXTOID,        TEXTOID, TEXTOID,
                                  TEXTOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID};
constexpr pg::OwnTable kTable{"rule_policy", kTypes, kColumns};

// The server's own table of lengths; it raises no error.
std::size_t letter_length(std::string_view text) {
  return std::size_t(pg_encoding_mblen(GetDatabaseEncoding(), text.data()));
}

bool has_expired(HeapTuple row, TupleDesc shape) {
  bool is_null = false;
  const Datum expires = heap_getattr(row, kExpires + 1, shape, &is_null);
  return !is_null && DatumGetTimestampTz(expires) <= GetCurrentTimestamp();
}

std::string_view text_at(HeapTuple row, TupleDesc shape, PolicyColumn column) {
  const char* text = pg::text_of_column(row, shape, column);
  return text != nullptr ? std::string_view(text) : std::string_view();
}

void add_entry(HeapTuple row, TupleDesc shape, void* argument) {
  auto** entries = static_cast<List**>(argument);
  const auto action = action_by_name(text_at(row, shape, kAction));
  if (!action || has_expired(row, shape)) return;
  bool is_null = false;
  auto* entry = static_cast<RuleEntry*>(palloc0(sizeof(RuleEntry)));
  entry->rule = text_at(row, shape, kRule);
  entry->schema_pattern = text_at(row, shape, kSchemaPattern);
  entry->table_pattern = text_at(row, shape, kTablePattern);
  entry->action = *action;
  entry->reason = text_at(row, shape, kReason);
  entry->set_at = DatumGetTimestampTz(heap_getattr(row, kSetAt + 1, shape, &is_null));
  *entries = lappend(*entries, entry);
}

void warn_unreadable(const char* problem) {
  ereport(WARNING, (errmsg("db_guard could not read its policy: %s", problem),
                    errdetail("The rules' own severities hold for this statement.")));
}

List* read_entries() {
  const char* problem = nullptr;
  List* entries = NIL;
  ::Relation table = pg::open_own_table(kTable, &problem);
  if (problem != nullptr) warn_unreadable(problem);
  if (table == nullptr) return NIL;
  pg::read_rows(table, add_entry, &entries);
  pg::close_own_table(table);
  return entries;
}

}  // namespace

Policy read_policy() {
  const List* rows = pg::call([] { return read_entries(); });
  Policy policy;
  policy.entries.reserve(std::size_t(list_length(rows)));
  for (int i = 0; i < list_length(rows); i++) {
    policy.entries.push_back(*static_cast<const RuleEntry*>(list_nth(rows, i)));
  }
  return policy;
}

void apply_policy(const Policy& policy, std::string_view sql, Vector<Finding>& findings) {
  if (findings.empty()) return;
  // Nothing is more specific than one statement.
  put_known_aside(sql, findings);
  apply_entries(policy.entries, letter_length, findings);
}

Severity severity_by_policy(const Policy& policy, const Subject& subject, Severity severity) {
  const RuleEntry* entry = find_entry(policy.entries, subject, letter_length);
  return entry != nullptr ? entry->action : severity;
}

}  // namespace db_guard::policy
