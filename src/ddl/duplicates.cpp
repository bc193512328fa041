// Looks for the rows that would make a unique index fail, before anybody waits for its build.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "pg/spi.hpp"
#include "pg/subtransaction.hpp"
#include "pg/time_limit.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/syscache.h"
}

namespace db_guard::ddl {

namespace {

using core::concat;

// Long enough for a million rows, short enough for somebody who waits for an answer.
constexpr int kProbeMilliseconds = 500;
constexpr int kMostExamples = 3;

// Expressions and predicates would have to be printed from the raw parse tree, which the server
// cannot do; only plain columns are probed.
bool is_plain(const Action& action) {
  const KeySpec& key = action.key;
  if (key.columns.empty() || key.without_overlaps || action.node == nullptr) return false;
  for (const Text& column : key.columns) {
    if (column.empty()) return false;
  }
  if (action.kind != ActionKind::kCreateIndex) return action.kind != ActionKind::kAddColumn;
  return static_cast<const IndexStmt*>(action.node)->whereClause == nullptr;
}

Text probe_sql(const Relation& relation, const KeySpec& key) {
  Text columns;
  Text not_null;
  Text shown;
  for (const Text& name : key.columns) {
    const char* raw = name.c_str();
    const char* quoted = pg::call([&] { return quote_identifier(raw); });
    if (!columns.empty()) {
      columns.append(", ");
      not_null.append(" AND ");
      shown.append(" || ', ' || ");
    }
    columns.append(quoted);
    not_null.append(concat({quoted, " IS NOT NULL"}));
    shown.append(concat({"coalesce(left(", quoted, "::text, 40), 'NULL')"}));
  }
  const char* list = columns.c_str();
  const char* label = pg::call([&] { return quote_literal_cstr(list); });
  // NULLs are distinct from one another unless the index says otherwise.
  return concat({"SELECT '(' || ", label, " || ')=(' || ", shown,
                 " || ') ' || count(*) || ' times' FROM ", relation.display,
                 key.nulls_not_distinct ? "" : " WHERE ", key.nulls_not_distinct ? "" : not_null,
                 " GROUP BY ", columns, " HAVING count(*) > 1 LIMIT ",
                 core::number(kMostExamples)});
}

// Casts and operators of the key's types run here, as they would for the index: as the table's
// owner, with no way to act for the caller.
class AsOwner {
 public:
  explicit AsOwner(Oid relation) {
    pg::call([&] {
      GetUserIdAndSecContext(&user_, &context_);
      HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
      if (!HeapTupleIsValid(tuple)) return;
      const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
      ReleaseSysCache(tuple);
      SetUserIdAndSecContext(owner, context_ | SECURITY_RESTRICTED_OPERATION);
    });
  }
  ~AsOwner() { SetUserIdAndSecContext(user_, context_); }
  AsOwner(const AsOwner&) = delete;
  AsOwner& operator=(const AsOwner&) = delete;

 private:
  Oid user_ = InvalidOid;
  int context_ = 0;
};

bool lock_without_waiting(Oid relation) {
  return pg::call([&] { return ConditionalLockRelationOid(relation, AccessShareLock); });
}

void search(const Relation& relation, const Action& action, Duplicates& found) {
  if (!lock_without_waiting(relation.id)) return;
  const Text sql = probe_sql(relation, action.key);
  const AsOwner as_owner(relation.id);
  const pg::TimeLimit limit(kProbeMilliseconds);
  found.searched = true;
  const pg::Rows rows = pg::query(sql.c_str());
  for (int i = 0; i < rows.rows; i++) found.examples.emplace_back(rows.text(i, 0));
  found.complete = true;
}

}  // namespace

Duplicates probe_duplicates(const Relation& relation, const Action& action) {
  Duplicates found;
  if (!is_plain(action)) return found;
  try {
    pg::rolled_back([&] { search(relation, action, found); });
  } catch (const pg::PgError& error) {
    const bool cancelled = error.sqlstate() == ERRCODE_QUERY_CANCELED;
    // A missing column or a type without equality: the server will say so itself.
    if (cancelled && !pg::TimeLimit::expired()) throw;
    if (!cancelled) found.searched = false;
  }
  return found;
}

}  // namespace db_guard::ddl
