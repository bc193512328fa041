-- Soft delete.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA soft;
SET search_path = soft;
\set SHOW_CONTEXT never
CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, twice text GENERATED ALWAYS AS (name || name) STORED,
                body text, updated_at timestamptz, deleted_at timestamptz);
INSERT INTO t (name, body) SELECT 'n' || g, repeat('x', 20000) || g FROM generate_series(1, 6) g;
SELECT db_guard.enable_soft_delete('t'), db_guard.enable_updated_at('t'), db_guard.enable_soft_delete('t') AS again;
CREATE VIEW state AS SELECT id, name, twice, right(body, 1) AS body, length(body) AS bytes, deleted_at IS NOT NULL AS deleted FROM t ORDER BY id;

-- Trap: a suppressed delete reports no rows. DELETE counts, and returns what it found.
DELETE FROM t WHERE id IN (1, 2) RETURNING id, name;
DO $$ DECLARE n bigint; BEGIN
    DELETE FROM soft.t WHERE id = 3; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE 'rows: %', n;
    DELETE FROM soft.t WHERE id = 33; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE 'rows: %', n;
END $$;
WITH gone AS (DELETE FROM t WHERE id = 4 RETURNING id) SELECT * FROM gone;
MERGE INTO t USING (VALUES (5)) AS v (id) ON t.id = v.id WHEN MATCHED THEN DELETE;
TABLE state;
-- The first deletion counts.
BEGIN;
SELECT deleted_at AS first FROM t WHERE id = 1 \gset
DELETE FROM t WHERE id = 1;
SELECT deleted_at = :'first' AS kept FROM t WHERE id = 1;
ROLLBACK;
-- Rolled back to a savepoint, twice in a transaction, and brought back to life.
BEGIN;
SAVEPOINT s;
DELETE FROM t WHERE id = 6;
ROLLBACK TO s;
SELECT deleted FROM state WHERE id = 6;
DELETE FROM t WHERE id = 6;
UPDATE t SET deleted_at = NULL WHERE id = 6;
DELETE FROM t WHERE id = 6;
SELECT count(*), bool_and(deleted) FROM state WHERE id = 6;
ROLLBACK;
UPDATE t SET deleted_at = NULL WHERE id = 5;

-- Living rows.
SELECT db_guard.create_living_view('t');
SELECT db_guard.create_living_view('t') AS again;
SELECT id, name FROM t_living ORDER BY id;
INSERT INTO t_living (name) VALUES ('n7') RETURNING id;
UPDATE t_living SET body = 'y' WHERE id = 7 RETURNING id, body;
DELETE FROM t_living WHERE id IN (1, 7);
DELETE FROM t_living WHERE id = 7;
SELECT id, deleted FROM state WHERE id = 7;
SELECT db_guard.create_living_view('t', 'state');
SELECT db_guard.create_living_view('state');
SELECT db_guard.create_living_view(NULL);
SET db_guard.mode = off;
ALTER TABLE t ADD COLUMN more integer;
SELECT db_guard.create_living_view('t');
SELECT id, more FROM t_living WHERE id = 5;
RESET db_guard.mode;

-- Trap: unique keys must become partial.
INSERT INTO t (name) VALUES ('n1');
CREATE UNIQUE INDEX t_expression ON t (lower(name)) INCLUDE (id) WHERE id > 0 AND name <> 'WHERE';
CREATE UNIQUE INDEX t_partial ON t (name) WHERE deleted_at IS NULL AND id > 100;
CREATE UNIQUE INDEX "T's" ON t (name, id);
CREATE UNIQUE INDEX t_referenced ON t (id, name);
CREATE TABLE referrer (id integer, name text, FOREIGN KEY (id, name) REFERENCES t (id, name));
SELECT * FROM db_guard.propose_living_indexes('t');
SELECT unnest(statements) FROM db_guard.propose_living_indexes('t') \gexec
SELECT indexrelid::regclass, pg_get_expr(indpred, indrelid) FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1::text COLLATE "C";
SELECT index_name, statements FROM db_guard.propose_living_indexes('t');
INSERT INTO t (name) VALUES ('n1') RETURNING name;
INSERT INTO t (name) VALUES ('n1');
DROP TABLE referrer;
SELECT * FROM db_guard.propose_living_indexes('pg_class');

-- Really.
TRUNCATE t;
BEGIN;
SET LOCAL db_guard.hard_delete = on;
DELETE FROM t WHERE id = 1;
SELECT count(*) FROM t WHERE id = 1;
TRUNCATE t;
ROLLBACK;
UPDATE t SET deleted_at = now() - interval '40 days' WHERE id IN (1, 2);
SELECT db_guard.purge_deleted('t', '30 days', 1) AS one, db_guard.purge_deleted('t', '30 days') AS the_other,
       db_guard.purge_deleted('t', '30 days') AS none, db_guard.purge_deleted('t', '0', 0) AS at_most_none;
SELECT db_guard.purge_deleted('t', NULL);
SELECT db_guard.purge_deleted('state');
SHOW db_guard.hard_delete;
SELECT db_guard.purge_deleted('t') AS rest, count(*) AS living FROM t_living;
SELECT count(*) FROM t WHERE deleted_at IS NOT NULL;

-- Other triggers: a DELETE is one; BEFORE INSERT does not get to see the row that comes back.
CREATE TABLE watched (id integer, note text, created_by text, deleted_at timestamptz);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE NOTICE '% % %', TG_WHEN, TG_OP, TG_LEVEL;
    IF TG_OP = 'INSERT' AND TG_WHEN = 'BEFORE' THEN NEW.note := 'spoiled'; RETURN NEW; END IF;
    RETURN coalesce(NEW, OLD); END $$;
CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON watched FOR EACH ROW EXECUTE FUNCTION watch();
CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON watched FOR EACH ROW EXECUTE FUNCTION watch();
CREATE TRIGGER s AFTER INSERT OR UPDATE OR DELETE ON watched FOR EACH STATEMENT EXECUTE FUNCTION watch();
SELECT db_guard.enable_soft_delete('watched'), db_guard.enable_created_by('watched', explicit_values => 'override');
SET client_min_messages = warning;
INSERT INTO watched VALUES (1, 'n', 'x');
SET session_replication_role = replica;
UPDATE watched SET note = 'good', created_by = 'somebody';
RESET session_replication_role;
RESET client_min_messages;
DELETE FROM watched;
SELECT id, note, created_by, deleted_at IS NOT NULL AS deleted FROM watched;
INSERT INTO watched VALUES (2) RETURNING note;

-- Rights: DELETE is enough, and the row comes back under row-level security.
CREATE ROLE soft_user;
GRANT USAGE ON SCHEMA soft TO soft_user;
CREATE TABLE guarded (id integer, tenant text, deleted_at timestamptz);
INSERT INTO guarded VALUES (1, 'soft_user'), (2, 'other');
GRANT SELECT, DELETE ON guarded TO soft_user;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
-- Trap: a policy that hides deleted rows refuses the UPDATE that marks them.
CREATE POLICY living ON guarded USING (deleted_at IS NULL AND tenant = current_user);
SELECT db_guard.enable_soft_delete('guarded');
SET ROLE soft_user;
DELETE FROM guarded;
SELECT * FROM guarded;
INSERT INTO guarded VALUES (3, 'soft_user');
RESET ROLE;
SELECT id, tenant, deleted_at IS NOT NULL AS deleted FROM guarded ORDER BY id;

-- The row that comes back is in every index, obeys every constraint, and is what an INSERT would have made of it.
CREATE TABLE whole (id integer PRIMARY KEY, gone integer, span int4range, words tsvector, note text, born integer DEFAULT 7,
                    dead boolean GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED, deleted_at timestamptz,
                    CONSTRAINT said CHECK (deleted_at IS NULL OR note IS NOT NULL), UNIQUE (note) DEFERRABLE INITIALLY DEFERRED,
                    EXCLUDE USING gist (span WITH &&) WHERE (deleted_at IS NULL));
ALTER TABLE whole DROP COLUMN gone;
CREATE INDEX whole_words ON whole USING gin (words);
CREATE INDEX whole_pages ON whole USING brin (id);
CREATE INDEX whole_hash ON whole USING hash (note);
CREATE INDEX whole_expression ON whole (lower(note)) WHERE deleted_at IS NOT NULL;
SELECT db_guard.enable_soft_delete('whole');
INSERT INTO whole (id, span, words, note) SELECT g, int4range(g, g + 1), ('w' || g)::tsvector, 'Note ' || g FROM generate_series(1, 3000) g;
ALTER TABLE whole ADD COLUMN late text DEFAULT 'late';
DELETE FROM whole WHERE id > 2;
-- A key that has been freed and taken again, all in one transaction: judged when it ends.
BEGIN;
DELETE FROM whole WHERE id = 1;
INSERT INTO whole (id, note) VALUES (0, 'Note 1');
COMMIT;
INSERT INTO whole (id, span) VALUES (-1, '[5,6)');
\set VERBOSITY terse
DELETE FROM whole WHERE id = -1;
\set VERBOSITY default
SET enable_seqscan = off;
SET enable_indexscan = off;
SELECT count(*) AS gin FROM whole WHERE words @@ 'w5';
SELECT count(*) AS brin FROM whole WHERE id BETWEEN 5 AND 14;
SELECT count(*) AS hash FROM whole WHERE note = 'Note 5';
SELECT count(*) AS expression FROM whole WHERE lower(note) = 'note 5' AND deleted_at IS NOT NULL;
SELECT id, span, note, born, dead, late FROM whole WHERE id IN (2, 5) ORDER BY id;
RESET enable_seqscan;
RESET enable_indexscan;
SELECT count(*), count(*) FILTER (WHERE dead), count(DISTINCT deleted_at) FROM whole;

-- Statement triggers and transition tables of an INSERT see the rows that come back.
CREATE TABLE counted (id integer, deleted_at timestamptz);
CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE NOTICE '% rows, % of them deleted', (SELECT count(*) FROM new_rows), (SELECT count(deleted_at) FROM new_rows); RETURN NULL; END $$;
CREATE TRIGGER count_rows AFTER INSERT ON counted REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
SELECT db_guard.enable_soft_delete('counted');
INSERT INTO counted SELECT generate_series(1, 3);
DELETE FROM counted;
SELECT count(*), count(deleted_at) FROM counted;

-- As many columns as there can be.
\set ECHO none
SELECT 'CREATE TABLE many (' || string_agg('c' || g || ' integer', ', ') || ', deleted_at timestamptz)' FROM generate_series(1, 1599) g \gexec
\set ECHO all
SELECT db_guard.enable_soft_delete('many');
INSERT INTO many (c1, c1599) VALUES (1, 1599);
DELETE FROM many;
SELECT c1, c2, c1599, deleted_at IS NOT NULL AS deleted FROM many;

-- TRUNCATE may name a partition, which has statement triggers of its own: those that are there, and those that come.
CREATE TABLE tree (id integer, part integer, deleted_at timestamptz) PARTITION BY LIST (part);
CREATE TABLE "Leaf 1" PARTITION OF tree FOR VALUES IN (1);
CREATE TABLE branch PARTITION OF tree FOR VALUES IN (2) PARTITION BY LIST (id);
CREATE TABLE twig PARTITION OF branch DEFAULT;
SELECT db_guard.enable_soft_delete('tree');
INSERT INTO tree VALUES (1, 1), (2, 2);
TRUNCATE "Leaf 1";
TRUNCATE branch;
TRUNCATE twig;
TRUNCATE tree;
CREATE TABLE later PARTITION OF tree FOR VALUES IN (3);
CREATE TABLE attached (part integer, deleted_at timestamptz, id integer);
ALTER TABLE tree ATTACH PARTITION attached FOR VALUES IN (4);
CREATE SCHEMA soft_parts CREATE TABLE in_schema PARTITION OF soft.tree FOR VALUES IN (5);
TRUNCATE later;
TRUNCATE attached;
TRUNCATE soft_parts.in_schema;
SELECT count(*) FROM tree;
BEGIN;
SET LOCAL db_guard.hard_delete = on;
TRUNCATE "Leaf 1", twig;
SELECT count(*) FROM tree;
ROLLBACK;
-- What is detached is none of ours any more, also where nobody noticed; what has soft delete of its own keeps it.
SET db_guard.mode = off;
ALTER TABLE tree DETACH PARTITION attached;
SET session_replication_role = replica;
ALTER TABLE tree DETACH PARTITION later;
RESET session_replication_role;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid IN ('attached'::regclass, 'later'::regclass);
TRUNCATE attached;
TRUNCATE later;
CREATE TABLE own (LIKE tree);
SELECT db_guard.enable_soft_delete('own');
ALTER TABLE tree ATTACH PARTITION own FOR VALUES IN (6);
SELECT db_guard.disable_soft_delete('tree');
SELECT tgrelid::regclass, tgname FROM pg_trigger JOIN pg_partition_tree('tree') ON relid = tgrelid ORDER BY 1::text, 2;
TRUNCATE "Leaf 1", twig;
TRUNCATE own;
TRUNCATE tree;
RESET db_guard.mode;
SET client_min_messages = warning;
DROP SCHEMA soft_parts CASCADE;
RESET client_min_messages;

-- Off.
SELECT db_guard.disable_soft_delete('watched');
SET client_min_messages = warning;
DELETE FROM watched;
SELECT count(*) FROM watched;
TRUNCATE watched;
DROP SCHEMA soft CASCADE;
DROP ROLE soft_user;
