// Who would notice a column or a relation going away under its name.
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "pg/spi.hpp"

namespace db_guard::ddl {

namespace {

using core::number;

// $1: relation, $2: column number, or 0 for the relation itself. Rules stand for views. The rule of
// a view depends on the columns it reads; a column of a view is depended upon in the same way.
constexpr const char* kRecorded = R"sql(
SELECT DISTINCT kind, name FROM (
  SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule on' END,
         c.oid::regclass::text
    FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class
   WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
     AND d.refobjid = $1::oid AND ($2::int = 0 OR d.refobjsubid = $2::int)
     AND r.ev_class <> $1::oid
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text
    FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
   WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass
     AND d.refobjid = $1::oid AND ($2::int = 0 OR d.refobjsubid = $2::int)
  UNION ALL
  SELECT 'policy', quote_ident(o.polname)
    FROM pg_depend d JOIN pg_policy o ON o.oid = d.objid
   WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_class'::regclass
     AND d.refobjid = $1::oid
     AND (($2::int = 0 AND o.polrelid <> $1::oid) OR ($2::int <> 0 AND d.refobjsubid = $2::int))
  UNION ALL
  SELECT 'index', i.indexrelid::regclass::text
    FROM pg_index i
   WHERE $2::int <> 0 AND i.indrelid = $1::oid
     AND (i.indkey::int2[] @> ARRAY[$2::int2]
          OR EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
                        AND d.refobjsubid = $2::int))
  UNION ALL
  SELECT CASE k.contype WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check constraint'
                        WHEN 'n' THEN 'not-null constraint' ELSE 'constraint' END,
         quote_ident(k.conname)
           || CASE WHEN k.conrelid <> $1::oid THEN ' of ' || k.conrelid::regclass ELSE '' END
    FROM pg_constraint k
   WHERE ($2::int <> 0 AND k.conrelid = $1::oid AND k.conkey @> ARRAY[$2::int2])
      OR ($2::int <> 0 AND k.confrelid = $1::oid AND k.confkey @> ARRAY[$2::int2])
  UNION ALL
  SELECT 'statistics object', quote_ident(s.stxname)
    FROM pg_statistic_ext s
   WHERE $2::int <> 0 AND s.stxrelid = $1::oid AND s.stxkeys::int2[] @> ARRAY[$2::int2]
  UNION ALL
  SELECT 'trigger', quote_ident(t.tgname)
    FROM pg_trigger t
   WHERE $2::int <> 0 AND t.tgrelid = $1::oid AND NOT t.tgisinternal
     AND (t.tgattr::int2[] @> ARRAY[$2::int2]
          OR EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
                        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
                        AND d.refobjsubid = $2::int))
  UNION ALL
  SELECT 'generated column', quote_ident(a.attname)
    FROM pg_depend d JOIN pg_attrdef g ON g.oid = d.objid
    JOIN pg_attribute a ON a.attrelid = g.adrelid AND a.attnum = g.adnum
   WHERE $2::int <> 0 AND d.classid = 'pg_attrdef'::regclass
     AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
     AND d.refobjsubid = $2::int AND a.attnum <> $2::int
  UNION ALL
  SELECT 'publication', quote_ident(p.pubname)
    FROM pg_publication p
    LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = $1::oid
    LEFT JOIN pg_class c ON c.oid = $1::oid
    LEFT JOIN pg_publication_namespace n ON n.pnpubid = p.oid AND n.pnnspid = c.relnamespace
   WHERE (p.puballtables AND c.relkind IN ('r', 'p')) OR n.oid IS NOT NULL
      OR (r.oid IS NOT NULL
          AND ($2::int = 0 OR r.prattrs IS NULL OR r.prattrs::int2[] @> ARRAY[$2::int2]))
) AS found (kind, name)
ORDER BY kind, name)sql";

// Functions keep their bodies as text, which no catalog looks into. Words are compared whole. Ours
// know no table of the user's by name. $1: word that must occur, $2: second word, or NULL; $3: a
// function's name to leave out, or NULL.
constexpr const char* kMentioned = R"sql(
SELECT DISTINCT p.oid::regprocedure::text
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE l.lanname NOT IN ('internal', 'c') AND p.prosqlbody IS NULL
   AND p.oid >= 16384 AND p.proname IS DISTINCT FROM $3
   AND p.pronamespace IS DISTINCT FROM (SELECT oid FROM pg_namespace WHERE nspname = 'db_guard')
   AND strpos(p.prosrc, $1) > 0 AND ($2 IS NULL OR strpos(p.prosrc, $2) > 0)
   AND p.prosrc ~ ('\m' || regexp_replace($1, '(\W)', '\\\1', 'g') || '\M')
   AND ($2 IS NULL OR p.prosrc ~ ('\m' || regexp_replace($2, '(\W)', '\\\1', 'g') || '\M'))
 ORDER BY 1)sql";

void add_recorded(const Relation& relation, int column, Vector<Dependent>& dependents) {
  const Text id = number(relation.id);
  const Text attribute = number(column);
  const pg::Rows rows = pg::query(kRecorded, {id.c_str(), attribute.c_str()});
  for (int i = 0; i < rows.rows; i++) {
    dependents.push_back({rows.text(i, 0), Text(rows.text(i, 1)), true});
  }
}

void add_mentioned(const char* first, const char* second, const char* without,
                   Vector<Dependent>& dependents) {
  const pg::Rows rows = pg::query(kMentioned, {first, second, without});
  for (int i = 0; i < rows.rows; i++) {
    dependents.push_back({"function", Text(rows.text(i, 0)), false});
  }
}

}  // namespace

Vector<Dependent> find_column_dependents(const Relation& relation, const Column& column) {
  Vector<Dependent> dependents;
  add_recorded(relation, column.number, dependents);
  add_mentioned(column.name.c_str(), relation.name.c_str(), nullptr, dependents);
  return dependents;
}

Vector<Dependent> find_relation_dependents(const Relation& relation) {
  Vector<Dependent> dependents;
  add_recorded(relation, 0, dependents);
  add_mentioned(relation.name.c_str(), nullptr, nullptr, dependents);
  return dependents;
}

Vector<Dependent> find_mentions(std::string_view name) {
  const Text word(name);
  Vector<Dependent> dependents;
  add_mentioned(word.c_str(), nullptr, word.c_str(), dependents);
  return dependents;
}

}  // namespace db_guard::ddl
