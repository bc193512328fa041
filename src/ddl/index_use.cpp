// What an index is good for: scans, what it enforces, and whether another one would do the same.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "ddl/ddl_version.hpp"
#include "pg/spi.hpp"

namespace db_guard::ddl {

namespace {

using core::number;

// Of a partitioned index the sum over its partitions; pg_partition_tree would lock them. $1: index.
Text scans_sql() {
  return core::concat(
      {"WITH RECURSIVE members (id) AS (SELECT $1::oid UNION"
       " SELECT inhrelid FROM pg_inherits JOIN members ON inhparent = id)"
       " SELECT sum(pg_stat_get_numscans(id)), ",
       kLastScanSql,
       ", (SELECT stats_reset::text FROM pg_stat_database WHERE datname = current_database()),"
       " (SELECT indisreplident FROM pg_index WHERE indexrelid = $1::oid)"
       "  OR EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
       "              WHERE i.indexrelid = $1::oid AND i.indisprimary AND c.relreplident = 'd')"
       " FROM members"});
}

// Foreign keys of the table whose columns lead this index and lead no other valid, full index.
// $1: index, $2: table.
constexpr const char* kForeignKeys = R"sql(
SELECT quote_ident(k.conname)
  FROM pg_constraint k JOIN pg_index me ON me.indexrelid = $1::oid
 WHERE k.conrelid = $2::oid AND k.contype = 'f' AND me.indpred IS NULL
   AND (me.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
   AND NOT EXISTS (SELECT FROM pg_index o
                    WHERE o.indrelid = $2::oid AND o.indexrelid <> $1::oid AND o.indisvalid
                      AND o.indpred IS NULL
                      AND (o.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
 ORDER BY 1)sql";

// $1: index.
constexpr const char* kTwin = R"sql(
SELECT o.indexrelid::regclass::text
  FROM pg_index me JOIN pg_index o ON o.indrelid = me.indrelid AND o.indexrelid <> me.indexrelid
  JOIN pg_class a ON a.oid = me.indexrelid JOIN pg_class b ON b.oid = o.indexrelid
 WHERE me.indexrelid = $1::oid AND o.indisvalid AND a.relam = b.relam
   AND o.indkey::text = me.indkey::text AND o.indnkeyatts = me.indnkeyatts
   AND o.indclass::text = me.indclass::text AND o.indcollation::text = me.indcollation::text
   AND o.indoption::text = me.indoption::text
   AND pg_get_expr(o.indexprs, o.indrelid) IS NOT DISTINCT FROM pg_get_expr(me.indexprs, me.indrelid)
   AND pg_get_expr(o.indpred, o.indrelid) IS NOT DISTINCT FROM pg_get_expr(me.indpred, me.indrelid)
   AND (o.indisunique OR NOT me.indisunique)
   AND (o.indimmediate OR NOT me.indisunique)
   AND NOT me.indisreplident
 ORDER BY 1 LIMIT 1)sql";

}  // namespace

IndexUse read_index_use(const Relation& relation, const Index& index) {
  const Text id = number(index.id);
  const Text table = number(relation.id);
  const pg::Rows scans = pg::query(scans_sql().c_str(), {id.c_str()});
  IndexUse use;
  use.last_scan_recorded = kRecordsLastScan;
  if (scans.rows == 1) {
    use.scans = scans.at(0, 0) != nullptr ? std::strtod(scans.at(0, 0), nullptr) : 0;
    use.last_scan = scans.text(0, 1);
    use.stats_since = scans.text(0, 2);
    use.replica_identity = scans.text(0, 3) == "t";
  }
  const pg::Rows keys = pg::query(kForeignKeys, {id.c_str(), table.c_str()});
  for (int i = 0; i < keys.rows; i++) use.foreign_keys.emplace_back(keys.text(i, 0));
  const Oid locked = relation.id;
  if (!pg::call([&] { return lock_without_waiting(locked); })) return use;
  use.definition = pg::query("SELECT pg_get_indexdef($1::oid)", {id.c_str()}).text(0, 0);
  const pg::Rows twin = pg::query(kTwin, {id.c_str()});
  if (twin.rows > 0) use.twin = twin.text(0, 0);
  return use;
}

}  // namespace db_guard::ddl
