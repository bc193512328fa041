// How much a table is used, as the cumulative statistics have it.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "ddl/ddl_version.hpp"
#include "pg/spi.hpp"

namespace db_guard::ddl {

namespace {

// Building an index and checking a constraint count as scans of the table, so that many are taken
// off; what is left may still be one of DDL. $1: table.
Text use_sql() {
  return core::concat(
      {"WITH RECURSIVE members (id) AS (SELECT $1::oid UNION"
       " SELECT inhrelid FROM pg_inherits JOIN members ON inhparent = id),"
       " tables AS (SELECT id,"
       "  (SELECT count(*) FROM pg_index WHERE indrelid = id)"
       "   + (SELECT count(*) FROM pg_constraint WHERE conrelid = id) AS ddl_scans FROM members),"
       " used (id) AS (SELECT id FROM members UNION ALL"
       "  SELECT indexrelid FROM pg_index JOIN members ON indrelid = id)"
       " SELECT (SELECT sum(greatest(pg_stat_get_numscans(id) - ddl_scans, 0)) FROM tables)"
       "  + coalesce((SELECT sum(pg_stat_get_numscans(indexrelid))"
       "                FROM pg_index JOIN members ON indrelid = id), 0),"
       " (SELECT sum(pg_stat_get_tuples_inserted(id) + pg_stat_get_tuples_updated(id)"
       "             + pg_stat_get_tuples_deleted(id)) FROM members),"
       " (SELECT ",
       kLastScanSql,
       " FROM used LIMIT 1),"
       " (SELECT stats_reset::text FROM pg_stat_database WHERE datname = current_database())"});
}

double number_of(const char* text) { return text != nullptr ? std::strtod(text, nullptr) : 0; }

}  // namespace

TableUse CatalogFacts::table_use(const Relation& relation) {
  const Text id = core::number(relation.id);
  const pg::Rows rows = pg::query(use_sql().c_str(), {id.c_str()});
  TableUse use;
  if (rows.rows != 1) return use;
  use.scans = number_of(rows.at(0, 0));
  use.changes = number_of(rows.at(0, 1));
  use.last_scan = rows.text(0, 2);
  use.stats_since = rows.text(0, 3);
  return use;
}

}  // namespace db_guard::ddl
