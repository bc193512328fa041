// Whether an index can become that of a constraint: the questions that the server asks, one by one,
// after it has locked the table.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "pg/call.hpp"
#include "pg/spi.hpp"

namespace db_guard::ddl {

namespace {

using core::number;

// $1: index.
constexpr const char* kColumns = R"sql(
SELECT coalesce(a.attname, '')
  FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
  LEFT JOIN pg_attribute a ON a.attrelid = (SELECT indrelid FROM pg_index WHERE indexrelid = $1::oid)
                          AND a.attnum = k.number AND a.attnum <> 0
 WHERE i.indexrelid = $1::oid AND k.place <= i.indnkeyatts
 ORDER BY k.place)sql";

// An option other than 0 is DESC or NULLS FIRST. $1: index.
constexpr const char* kFlaw = R"sql(
SELECT CASE
    WHEN NOT i.indisvalid THEN 'a CONCURRENTLY build has failed, or has not ended, and left it invalid'
    WHEN EXISTS (SELECT FROM pg_constraint k
                  WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    THEN 'it belongs to a constraint already'
    WHEN NOT i.indisunique THEN 'it is not unique'
    WHEN i.indexprs IS NOT NULL THEN 'it has an expression among its columns'
    WHEN i.indpred IS NOT NULL THEN 'it is partial'
    WHEN a.amname <> 'btree' THEN 'it is no btree index'
    WHEN EXISTS (SELECT FROM unnest(i.indoption::int2[]) AS o (option) WHERE option <> 0)
    THEN 'it sorts a column in another order than the default'
    WHEN EXISTS (SELECT FROM unnest(i.indclass::oid[]) AS o (class)
                   JOIN pg_opclass c ON c.oid = class WHERE NOT c.opcdefault)
    THEN 'it has an operator class other than the default'
    WHEN EXISTS (SELECT FROM unnest(i.indkey::int2[], i.indcollation::oid[]) AS o (number, sorting)
                   JOIN pg_attribute t ON t.attrelid = i.indrelid AND t.attnum = o.number
                  WHERE o.sorting <> 0 AND o.sorting <> t.attcollation)
    THEN 'it has a collation other than its column''s'
  END
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam
 WHERE i.indexrelid = $1::oid)sql";

}  // namespace

KeyIndex read_key_index(const Relation& relation, const Index& index) {
  const Text id = number(index.id);
  KeyIndex key;
  const pg::Rows columns = pg::query(kColumns, {id.c_str()});
  for (int i = 0; i < columns.rows; i++) key.columns.emplace_back(columns.text(i, 0));
  const pg::Rows flaw = pg::query(kFlaw, {id.c_str()});
  if (flaw.rows > 0) key.flaw = flaw.text(0, 0);
  const Oid table = relation.id;
  if (!pg::call([&] { return lock_without_waiting(table); })) return key;
  key.definition = pg::query("SELECT pg_get_indexdef($1::oid)", {id.c_str()}).text(0, 0);
  return key;
}

}  // namespace db_guard::ddl
