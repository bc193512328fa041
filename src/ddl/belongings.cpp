// What a column has that another one must be given when it takes its place.
#include <cstdlib>

#include "core/sql_text.hpp"
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "pg/spi.hpp"

namespace db_guard::ddl {

namespace {

using core::number;

// In all of them $1: relation, $2: column number.

// What would be lost with the column, or keep it from being dropped, and cannot be made again
// beforehand. One is enough.
constexpr const char* kObstacle = R"sql(
SELECT what FROM (
  SELECT 'it is an identity column'
    FROM pg_attribute WHERE attrelid = $1::oid AND attnum = $2::int2 AND attidentity <> ''
  UNION ALL
  SELECT 'it is a generated column'
    FROM pg_attribute WHERE attrelid = $1::oid AND attnum = $2::int2 AND attgenerated <> ''
  UNION ALL
  SELECT 'the key of the table is partitioned by it, or cannot be made beforehand'
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
   WHERE k.conrelid = $1::oid AND c.relkind = 'p' AND k.contype IN ('p', 'u') AND k.conkey @> ARRAY[$2::int2]
  UNION ALL
  SELECT 'it is in exclusion constraint ' || quote_ident(conname)
    FROM pg_constraint WHERE conrelid = $1::oid AND contype = 'x' AND conkey @> ARRAY[$2::int2]
  UNION ALL
  SELECT 'foreign key ' || quote_ident(conname) || ' of ' || k.conrelid::regclass || ' refers to it'
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
   WHERE k.confrelid = $1::oid AND k.contype = 'f' AND k.conparentid = 0
     AND k.confkey @> ARRAY[$2::int2] AND (c.relkind = 'p' OR k.conrelid = $1::oid)
  UNION ALL
  SELECT 'foreign key ' || quote_ident(conname) || ' cannot be made beforehand'
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
   WHERE k.conrelid = $1::oid AND k.contype = 'f' AND k.conkey @> ARRAY[$2::int2]
     AND (c.relkind = 'p' OR k.confdelsetcols IS NOT NULL)
  UNION ALL
  SELECT 'it is the replica identity of the table'
    FROM pg_index WHERE indrelid = $1::oid AND indisreplident AND indkey::int2[] @> ARRAY[$2::int2]
  UNION ALL
  SELECT 'publication ' || quote_ident(p.pubname) || ' lists it'
    FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
   WHERE r.prrelid = $1::oid AND r.prattrs::int2[] @> ARRAY[$2::int2]
) AS found (what) LIMIT 1)sql";

constexpr const char* kKeys = R"sql(
SELECT c.relname, pg_get_indexdef(i.indexrelid), i.indisunique, k.contype,
       CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED'
            WHEN k.condeferrable THEN ' DEFERRABLE' END
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = $1::oid
                           AND k.contype IN ('p', 'u')
 WHERE i.indrelid = $1::oid AND i.indisvalid
   AND (i.indkey::int2[] @> ARRAY[$2::int2]
        OR EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                      AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
                      AND d.refobjsubid = $2::int))
 ORDER BY c.relname)sql";

constexpr const char* kConstraints = R"sql(
SELECT conname, regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', ''), convalidated
  FROM pg_constraint
 WHERE conrelid = $1::oid AND contype IN ('c', 'f') AND conkey @> ARRAY[$2::int2]
 ORDER BY conname)sql";

// Options other than the two that users have may be the server's own: they belong to the old
// column.
constexpr const char* kReferences = R"sql(
SELECT conrelid, conname, regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', ''), convalidated
  FROM pg_constraint
 WHERE confrelid = $1::oid AND contype = 'f' AND conparentid = 0 AND confkey @> ARRAY[$2::int2]
 ORDER BY conrelid::regclass::text, conname)sql";

// Options other than the two that users have may be the server's own: they belong to the old
// column.
constexpr const char* kProperties = R"sql(
WITH me AS (
  SELECT a.*, $1::oid::regclass::text AS relation, quote_ident(a.attname) AS quoted,
         format('ALTER TABLE %s ALTER COLUMN %I ', $1::oid::regclass, a.attname) AS alter_column
    FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum = $2::int2)
SELECT statement FROM (
  SELECT 1, alter_column || 'SET DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) || ';'
    FROM me JOIN pg_attrdef d ON d.adrelid = me.attrelid AND d.adnum = me.attnum
  UNION ALL
  SELECT 2, format('ALTER SEQUENCE %s OWNED BY %s.%s;', d.objid::regclass, relation, quoted)
    FROM me JOIN pg_depend d ON d.refobjid = me.attrelid AND d.refobjsubid = me.attnum
    JOIN pg_class c ON c.oid = d.objid
   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
     AND d.deptype = 'a' AND c.relkind = 'S'
  UNION ALL
  SELECT 3, alter_column || 'SET STATISTICS ' || attstattarget || ';' FROM me WHERE attstattarget >= 0
  UNION ALL
  SELECT 4, alter_column || 'SET (' || o.option_name || ' = ' || o.option_value || ');'
    FROM me CROSS JOIN LATERAL pg_options_to_table(me.attoptions) o
   WHERE o.option_name IN ('n_distinct', 'n_distinct_inherited')
  UNION ALL
  SELECT 5, format('COMMENT ON COLUMN %s.%s IS %L;', relation, quoted, d.description)
    FROM me JOIN pg_description d ON d.objoid = me.attrelid AND d.objsubid = me.attnum
   WHERE d.classoid = 'pg_class'::regclass
  UNION ALL
  SELECT 6, format('GRANT %s (%s) ON %s TO %s%s;', g.privilege_type, quoted, relation,
                   CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
                   CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM me CROSS JOIN LATERAL aclexplode(me.attacl) g
) AS found (place, statement) ORDER BY place, statement)sql";

constexpr const char* kStatistics = R"sql(
SELECT pg_get_statisticsobjdef(s.oid) || ';'
  FROM pg_statistic_ext s
 WHERE s.stxrelid = $1::oid
   AND (s.stxkeys::int2[] @> ARRAY[$2::int2]
        OR EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_statistic_ext'::regclass AND d.objid = s.oid
                      AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
                      AND d.refobjsubid = $2::int))
 ORDER BY s.stxname)sql";

// CREATE UNIQUE INDEX name ON ONLY schema.table USING btree (...): from " USING" on.
Text behind_table(std::string_view definition) {
  constexpr std::string_view kIndex = "INDEX ";
  const auto index = definition.find(kIndex);
  if (index == std::string_view::npos) return {};
  std::size_t at = core::end_of_name(definition, index + kIndex.size());
  if (at == std::string_view::npos) return {};
  for (const std::string_view word : {std::string_view(" ON "), std::string_view("ONLY ")}) {
    if (definition.substr(at, word.size()) == word) at += word.size();
  }
  at = core::end_of_name(definition, at);
  return at == std::string_view::npos ? Text() : Text(definition.substr(at));
}

std::string_view constraint_words(std::string_view type) {
  if (type == "p") return "PRIMARY KEY";
  return type == "u" ? "UNIQUE" : "";
}

void read_keys(const char* relation, const char* column, Belongings& belongings) {
  const pg::Rows rows = pg::query(kKeys, {relation, column});
  for (int i = 0; i < rows.rows; i++) {
    Belongings::Key key;
    key.name = rows.text(i, 0);
    key.definition = behind_table(rows.text(i, 1));
    key.unique = rows.text(i, 2) == "t";
    key.constraint = constraint_words(rows.text(i, 3));
    key.deferral = rows.text(i, 4);
    belongings.keys.push_back(std::move(key));
  }
}

void read_constraints(const char* relation, const char* column, Belongings& belongings) {
  const pg::Rows rows = pg::query(kConstraints, {relation, column});
  for (int i = 0; i < rows.rows; i++) {
    Belongings::Constraint constraint;
    constraint.name = rows.text(i, 0);
    constraint.definition = rows.text(i, 1);
    constraint.validated = rows.text(i, 2) == "t";
    belongings.constraints.push_back(std::move(constraint));
  }
}

void read_references(const char* relation, const char* column, Belongings& belongings) {
  const pg::Rows rows = pg::query(kReferences, {relation, column});
  for (int i = 0; i < rows.rows; i++) {
    const auto table = read_relation_by_id(Oid(std::strtoul(rows.at(i, 0), nullptr, 10)));
    if (!table) continue;
    Belongings::Reference reference;
    reference.table = *table;
    reference.key.name = rows.text(i, 1);
    reference.key.definition = rows.text(i, 2);
    reference.key.validated = rows.text(i, 3) == "t";
    belongings.references.push_back(std::move(reference));
  }
}

void read_list(const char* sql, const char* relation, const char* column, Vector<Text>& list) {
  const pg::Rows rows = pg::query(sql, {relation, column});
  for (int i = 0; i < rows.rows; i++) list.emplace_back(rows.text(i, 0));
}

}  // namespace

Belongings read_belongings(const Relation& relation, const Column& column) {
  Belongings belongings;
  const Oid locked = relation.id;
  if (!pg::call([&] { return lock_without_waiting(locked); })) return belongings;
  belongings.known = true;
  const Text id = number(relation.id);
  const Text attribute = number(column.number);
  const pg::Rows obstacle = pg::query(kObstacle, {id.c_str(), attribute.c_str()});
  if (obstacle.rows > 0) belongings.obstacle = obstacle.text(0, 0);
  read_keys(id.c_str(), attribute.c_str(), belongings);
  read_constraints(id.c_str(), attribute.c_str(), belongings);
  read_references(id.c_str(), attribute.c_str(), belongings);
  read_list(kProperties, id.c_str(), attribute.c_str(), belongings.properties);
  read_list(kStatistics, id.c_str(), attribute.c_str(), belongings.statistics);
  return belongings;
}

}  // namespace db_guard::ddl
