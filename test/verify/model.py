"""What a database holds, read from its catalogs by a session of its own, in an order that does not
depend on OIDs: the same seed must find the same objects in the same places."""
import json

QUERY = r"""
WITH spaces AS (
  SELECT oid, nspname FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'db_guard')),
rels AS (
  SELECT c.*, format('%I.%I', n.nspname, c.relname) AS full_name, n.nspname
  FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace),
columns AS (
  SELECT a.attrelid, json_agg(json_build_object('name', quote_ident(a.attname),
      'type', format_type(a.atttypid, a.atttypmod), 'notnull', a.attnotnull, 'default', a.atthasdef,
      'generated', a.attgenerated, 'identity', a.attidentity, 'inherited', a.attinhcount > 0)
      ORDER BY a.attnum) AS list
  FROM pg_attribute a JOIN rels r ON r.oid = a.attrelid
  WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p', 'v', 'm', 'c') GROUP BY 1),
constraints AS (
  SELECT o.conrelid, json_agg(json_build_object('name', quote_ident(o.conname), 'type', o.contype,
      'valid', o.convalidated, 'inherited', o.coninhcount > 0 OR o.conparentid <> 0,
      'references', (SELECT full_name FROM rels WHERE rels.oid = o.confrelid),
      'deferrable', o.condeferrable) ORDER BY o.conname) AS list
  FROM pg_constraint o WHERE o.conrelid <> 0 AND o.contype <> 'n' GROUP BY 1),
indexes AS (
  SELECT i.indrelid, json_agg(json_build_object('name', r.full_name, 'short', quote_ident(r.relname),
      'unique', i.indisunique, 'partial', i.indpred IS NOT NULL, 'expression', i.indexprs IS NOT NULL,
      'columns', i.indnkeyatts, 'kind', r.relkind, 'part', r.relispartition, 'method', m.amname, 'valid', i.indisvalid,
      'constraint', EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = r.oid AND o.contype IN ('p', 'u', 'x')))
      ORDER BY r.full_name) AS list
  FROM pg_index i JOIN rels r ON r.oid = i.indexrelid JOIN pg_am m ON m.oid = r.relam GROUP BY 1),
triggers AS (
  SELECT g.tgrelid, json_agg(quote_ident(g.tgname) ORDER BY g.tgname) AS list
  FROM pg_trigger g WHERE NOT g.tgisinternal AND g.tgparentid = 0 GROUP BY 1),
rules AS (
  SELECT w.ev_class, json_agg(quote_ident(w.rulename) ORDER BY w.rulename) AS list
  FROM pg_rewrite w WHERE w.rulename <> '_RETURN' GROUP BY 1),
policies AS (
  SELECT p.polrelid, json_agg(quote_ident(p.polname) ORDER BY p.polname) AS list FROM pg_policy p GROUP BY 1),
parents AS (
  SELECT h.inhrelid, json_agg(r.full_name ORDER BY h.inhseqno) AS list
  FROM pg_inherits h JOIN rels r ON r.oid = h.inhparent GROUP BY 1)
SELECT json_build_object(
  'relations', (
    SELECT coalesce(json_agg(json_build_object('name', r.full_name, 'short', quote_ident(r.relname),
        'schema', quote_ident(r.nspname), 'kind', r.relkind, 'partition', r.relispartition,
        'persistence', r.relpersistence, 'populated', r.relispopulated, 'oftype', r.reloftype <> 0,
        'children', (SELECT count(*) FROM pg_inherits h WHERE h.inhparent = r.oid),
        'key', (SELECT json_agg(quote_ident(a.attname)) FROM pg_partitioned_table p, pg_attribute a
                WHERE p.partrelid = r.oid AND a.attrelid = r.oid AND a.attnum = ANY (p.partattrs::int2[])),
        'strategy', (SELECT p.partstrat FROM pg_partitioned_table p WHERE p.partrelid = r.oid),
        'default', (SELECT p.partdefid <> 0 FROM pg_partitioned_table p WHERE p.partrelid = r.oid),
        'definition', CASE WHEN r.relkind = 'v' THEN rtrim(pg_get_viewdef(r.oid), ';') END,
        'owned', EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid
                         AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass),
        'columns', coalesce(columns.list, '[]'), 'constraints', coalesce(constraints.list, '[]'),
        'indexes', coalesce(indexes.list, '[]'), 'triggers', coalesce(triggers.list, '[]'),
        'rules', coalesce(rules.list, '[]'), 'policies', coalesce(policies.list, '[]'),
        'parents', coalesce(parents.list, '[]')) ORDER BY r.full_name), '[]')
    FROM rels r
      LEFT JOIN columns ON columns.attrelid = r.oid LEFT JOIN constraints ON constraints.conrelid = r.oid
      LEFT JOIN indexes ON indexes.indrelid = r.oid LEFT JOIN triggers ON triggers.tgrelid = r.oid
      LEFT JOIN rules ON rules.ev_class = r.oid LEFT JOIN policies ON policies.polrelid = r.oid
      LEFT JOIN parents ON parents.inhrelid = r.oid
    WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S')),
  'types', (
    SELECT coalesce(json_agg(json_build_object('name', format('%I.%I', n.nspname, t.typname), 'kind', t.typtype,
        'base', format_type(t.typbasetype, t.typtypmod), 'notnull', t.typnotnull,
        'constraints', (SELECT coalesce(json_agg(json_build_object('name', quote_ident(o.conname),
            'valid', o.convalidated) ORDER BY o.conname), '[]') FROM pg_constraint o
            WHERE o.contypid = t.oid AND o.contype = 'c'),
        'labels', (SELECT coalesce(json_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM pg_enum e
            WHERE e.enumtypid = t.oid),
        'attributes', (SELECT coalesce(json_agg(quote_ident(a.attname) ORDER BY a.attnum), '[]')
            FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
        ORDER BY n.nspname, t.typname), '[]')
    FROM pg_type t JOIN spaces n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')),
  'statistics', (SELECT coalesce(json_agg(format('%I.%I', n.nspname, s.stxname) ORDER BY n.nspname, s.stxname), '[]')
    FROM pg_statistic_ext s JOIN spaces n ON n.oid = s.stxnamespace),
  'publications', (SELECT coalesce(json_agg(quote_ident(pubname) ORDER BY pubname), '[]') FROM pg_publication),
  'schemas', (SELECT coalesce(json_agg(quote_ident(nspname) ORDER BY nspname), '[]') FROM spaces))
"""


class Model:
    def __init__(self, session):
        found = json.loads(session.rows(QUERY)[0][0])
        self.relations = found["relations"]
        self.types = found["types"]
        self.statistics = found["statistics"]
        self.publications = found["publications"]
        self.schemas = found["schemas"]

    def of_kind(self, kinds):
        return [r for r in self.relations if r["kind"] in kinds]

    def types_of(self, kind):
        return [t for t in self.types if t["kind"] == kind]
