// Looks for the rows that would make a unique index fail, before anybody waits for its build.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "ddl/probe.hpp"
#include "pg/search_path.hpp"
#include "pg/spi.hpp"
#include "pg/subtransaction.hpp"
#include "pg/time_limit.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "parser/parse_utilcmd.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
}

namespace db_guard::ddl {

namespace {

using core::concat;

// What a unique index would compare: SQL of each key part, and of the predicate.
struct Key {
  Vector<Text> parts;
  Text predicate;
  bool nulls_not_distinct = false;
};

struct IndexSql {
  List* parts;  // of C strings
  const char* predicate;
};

// The server's own analysis of the index, printed. The lock it needs is held by now.
IndexSql print_index(Oid relation, const IndexStmt* statement) {
  auto* index = transformIndexStmt(
      relation, static_cast<IndexStmt*>(copyObjectImpl(const_cast<IndexStmt*>(statement))), "");
  List* context = deparse_context_for(get_rel_name(relation), relation);
  const int nest_level = pg::pin_search_path();
  IndexSql sql{};
  ListCell* cell = nullptr;
  foreach (cell, index->indexParams) {
    const auto* part = static_cast<IndexElem*>(lfirst(cell));
    sql.parts = lappend(sql.parts, part->name != nullptr
                                       ? pstrdup(quote_identifier(part->name))
                                       : deparse_expression(part->expr, context, false, false));
  }
  if (index->whereClause != nullptr) {
    sql.predicate = deparse_expression(index->whereClause, context, false, false);
  }
  pg::unpin_search_path(nest_level);
  return sql;
}

Key key_of(const Relation& relation, const Action& action) {
  Key key;
  key.nulls_not_distinct = action.key.nulls_not_distinct;
  if (action.kind != ActionKind::kCreateIndex) {
    for (const Text& name : action.key.columns) {
      const char* raw = name.c_str();
      key.parts.emplace_back(pg::call([&] { return quote_identifier(raw); }));
    }
    return key;
  }
  const Oid id = relation.id;
  const auto* statement = static_cast<const IndexStmt*>(action.node);
  const IndexSql sql = pg::call([&] { return print_index(id, statement); });
  for (int i = 0; i < list_length(sql.parts); i++) {
    key.parts.emplace_back(static_cast<const char*>(list_nth(sql.parts, i)));
  }
  if (sql.predicate != nullptr) key.predicate = sql.predicate;
  return key;
}

Text conditions_of(const Key& key) {
  Text conditions;
  const auto add = [&](const Text& condition) {
    conditions.append(concat({conditions.empty() ? " WHERE (" : " AND (", condition, ")"}));
  };
  if (!key.predicate.empty()) add(key.predicate);
  // NULLs are distinct from one another unless the index says otherwise.
  if (key.nulls_not_distinct) return conditions;
  for (const Text& part : key.parts) add(concat({"(", part, ") IS NOT NULL"}));
  return conditions;
}

Text probe_sql(const Relation& relation, const Key& key) {
  Text columns;
  Text shown;
  for (const Text& part : key.parts) {
    columns.append(concat({columns.empty() ? "" : ", ", part}));
    shown.append(concat(
        {shown.empty() ? "" : " || ', ' || ", "coalesce(left((", part, ")::text, 40), 'NULL')"}));
  }
  const char* list = columns.c_str();
  const char* label = pg::call([&] { return quote_literal_cstr(list); });
  return concat({"SELECT '(' || ", label, " || ')=(' || ", shown,
                 " || ') ' || count(*) || ' times' FROM ", relation.display, conditions_of(key),
                 " GROUP BY ", columns, " HAVING count(*) > 1 LIMIT ",
                 core::number(kMostExamples)});
}

void search(const Relation& relation, const Action& action, Duplicates& found) {
  if (!lock_all_without_waiting(relation)) return;
  const Text sql = probe_sql(relation, key_of(relation, action));
  refuse_to_see_less();
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
  // The column of ADD COLUMN ... UNIQUE is not there yet; overlaps are not equality.
  if (action.kind == ActionKind::kAddColumn || action.key.without_overlaps) return found;
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
