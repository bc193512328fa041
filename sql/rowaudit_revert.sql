-- Taking back changes and transactions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET db_guard.mode = off;
CREATE SCHEMA "Revert";
SET search_path = "Revert";
CREATE TABLE parent (id integer PRIMARY KEY, v integer, "Big" text);
CREATE TABLE child (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parent integer REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, v integer, twice integer GENERATED ALWAYS AS (v * 2) STORED);
CREATE TABLE nokey (a integer, j json);
SELECT db_guard.enable_audit('parent'), db_guard.enable_audit('child'), db_guard.enable_audit('nokey');
INSERT INTO parent SELECT g, g, repeat('b', g * 1000) FROM generate_series(1, 5) g;
INSERT INTO child (parent, v) SELECT g, g FROM generate_series(1, 5) g;
INSERT INTO nokey SELECT g % 2, '{"x": 1}' FROM generate_series(1, 6) g;
CREATE TABLE parent_before AS TABLE parent;
CREATE TABLE child_before AS TABLE child;
CREATE TABLE nokey_before AS TABLE nokey;
CREATE FUNCTION differences() RETURNS TABLE (name text, rows bigint) LANGUAGE sql AS $$
  SELECT 'parent', count(*) FROM ((TABLE parent EXCEPT TABLE parent_before) UNION ALL (TABLE parent_before EXCEPT TABLE parent)) d
  UNION ALL SELECT 'child', count(*) FROM ((TABLE child EXCEPT TABLE child_before) UNION ALL (TABLE child_before EXCEPT TABLE child)) d
  UNION ALL SELECT 'nokey', count(*) FROM ((SELECT n::text FROM nokey n EXCEPT ALL SELECT n::text FROM nokey_before n)
    UNION ALL (SELECT n::text FROM nokey_before n EXCEPT ALL SELECT n::text FROM nokey n)) d
$$;
BEGIN;
DELETE FROM parent WHERE id = 1;
UPDATE parent SET id = id + 100 WHERE id = 2;
UPDATE parent SET v = v + 1;
UPDATE parent SET v = v + 1, "Big" = NULL WHERE id = 3;
INSERT INTO parent VALUES (77, 7);
INSERT INTO child (parent, v) VALUES (77, 1);
UPDATE child SET parent = 77 WHERE parent = 5;
DELETE FROM parent WHERE id = 5;
INSERT INTO parent VALUES (5, 55);
INSERT INTO parent VALUES (6, 6);
DELETE FROM parent WHERE id = 6;
UPDATE nokey SET j = '{"y": 2}' WHERE a = 1;
DELETE FROM nokey WHERE ctid = (SELECT ctid FROM nokey WHERE a = 0 LIMIT 1);
INSERT INTO nokey VALUES (9, NULL);
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT * FROM differences();
BEGIN;
SELECT db_guard.revert_transaction(:'txid');
SELECT * FROM differences();
-- Reverting is a change like any other: it can be reverted.
SELECT pg_current_xact_id() AS again \gset
COMMIT;
SELECT db_guard.revert_transaction(:'again');
SELECT count(*) FROM parent WHERE id IN (77, 102);
-- Later changes are in the way, and nothing is done by halves.
UPDATE parent SET v = -1 WHERE id IN (3, 77);
DELETE FROM nokey WHERE a = 9;
SELECT db_guard.revert_transaction(:'txid');
SELECT count(*) FROM parent WHERE v = -1;
-- Of other columns of the row they are not.
UPDATE parent SET "Big" = 'small' WHERE id = 4;
UPDATE parent SET v = 1000 WHERE id = 4;
SELECT audit_id AS change FROM db_guard.audit_entries('parent') WHERE changed = '{Big}' ORDER BY audit_id DESC LIMIT 1 \gset
SELECT db_guard.revert_change(:change);
SELECT id, v, length("Big") FROM parent WHERE id = 4;
-- An insert is taken back by a delete, a delete by an insert.
INSERT INTO child (parent, v) VALUES (4, 44);
SELECT max(audit_id) AS change FROM db_guard.audit_entries('child') \gset
SELECT db_guard.revert_change(:change);
SELECT count(*) FROM child WHERE v = 44;
SELECT max(audit_id) AS change FROM db_guard.audit_entries('child') \gset
SELECT db_guard.revert_change(:change);
SELECT parent, v, twice FROM child WHERE v = 44;
SELECT db_guard.revert_change(:change);
-- A TRUNCATE is as good as a DELETE.
BEGIN;
TRUNCATE child;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT db_guard.revert_transaction(:'txid') > 0 AS came_back;
SELECT count(*) > 0 FROM child;
-- What is redacted nobody can give back.
CREATE TABLE people (id integer PRIMARY KEY, name text, card text);
SELECT db_guard.enable_audit('people', redact_columns => '{card}');
INSERT INTO people VALUES (1, 'a', 'secret');
UPDATE people SET card = 'other', name = 'b';
SELECT max(audit_id) AS change FROM db_guard.audit_entries('people') \gset
SELECT db_guard.revert_change(:change);
-- The owner's row-level security and triggers see a revert like any other statement.
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''% of %'', TG_OP, TG_TABLE_NAME; RETURN NULL; END';
CREATE TRIGGER say AFTER INSERT OR UPDATE OR DELETE ON people FOR EACH STATEMENT EXECUTE FUNCTION say();
UPDATE people SET name = 'c';
SELECT max(audit_id) AS change FROM db_guard.audit_entries('people') \gset
SELECT db_guard.revert_change(:change);
-- A column that a trigger sets whenever another one changes follows a revert, too.
CREATE TABLE touched (id integer PRIMARY KEY, v integer, w integer, updated_at timestamptz DEFAULT 'epoch', version integer NOT NULL DEFAULT 1);
SELECT db_guard.enable_updated_at('touched', clock => 'wall'), db_guard.enable_row_version('touched', required => true);
SELECT db_guard.enable_audit('touched');
INSERT INTO touched (id, v, w) VALUES (1, 10, 100), (2, 20, 200);
BEGIN;
UPDATE touched SET v = v + 1, version = version;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
-- A later change of another column is not in the way, and neither are the time and the version that it left.
UPDATE touched SET w = w + 1, version = version WHERE id = 2;
SELECT max(updated_at) AS before FROM touched \gset
SELECT db_guard.revert_transaction(:'txid');
SELECT id, v, w, version, updated_at > :'before' AS later FROM touched ORDER BY id;
-- Nothing else has changed: then it is what is given back.
SET session_replication_role = replica;
BEGIN;
UPDATE touched SET updated_at = 'infinity' WHERE id = 1;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT db_guard.revert_transaction(:'txid');
RESET session_replication_role;
SELECT id, updated_at < 'infinity' AS given_back FROM touched WHERE id = 1;
-- Somebody's own trigger is nobody's race.
CREATE TABLE own (id integer PRIMARY KEY, v integer, updated_at timestamptz);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON own FOR EACH ROW EXECUTE FUNCTION touch();
SELECT db_guard.enable_audit('own');
INSERT INTO own VALUES (1, 1), (2, 2);
BEGIN;
UPDATE own SET v = v + 1;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT db_guard.revert_transaction(:'txid');
SELECT id, v, updated_at IS NOT NULL AS touched FROM own ORDER BY id;
-- What it has set for a later change is in the way; the error says which column.
BEGIN;
UPDATE own SET v = v + 1;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
ALTER TABLE own ADD COLUMN "Other" integer;
UPDATE own SET "Other" = 1 WHERE id = 2;
DELETE FROM own WHERE id = 1;
SELECT db_guard.revert_transaction(:'txid');
INSERT INTO own VALUES (1, 1);
-- One that keeps rows as they are is named.
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER zz_keep BEFORE UPDATE ON own FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION keep();
BEGIN;
ALTER TABLE own DISABLE TRIGGER zz_keep;
UPDATE own SET v = 0;
ALTER TABLE own ENABLE TRIGGER zz_keep;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT db_guard.revert_transaction(:'txid');
SELECT id, v FROM own ORDER BY id;
-- A cascade gives back part of a row: the rest is given back all the same. What is deleted then finds its parent.
CREATE TABLE above (id integer PRIMARY KEY, v integer);
CREATE TABLE below (above integer REFERENCES above ON UPDATE CASCADE, n integer, v integer, updated_at timestamptz, PRIMARY KEY (above, n));
CREATE TABLE beside (id integer PRIMARY KEY, above integer REFERENCES above ON UPDATE CASCADE, v integer);
CREATE TRIGGER touch BEFORE UPDATE ON below FOR EACH ROW EXECUTE FUNCTION touch();
SELECT db_guard.enable_audit('above'), db_guard.enable_audit('below'), db_guard.enable_audit('beside');
INSERT INTO above VALUES (1, 1), (2, 2);
INSERT INTO below VALUES (1, 1, 10), (1, 2, 20), (2, 1, 30);
INSERT INTO beside VALUES (1, 1, 10), (2, 1, 20);
BEGIN;
UPDATE above SET id = 11 WHERE id = 1;
UPDATE below SET v = v + 1 WHERE n = 1;
DELETE FROM below WHERE n = 2;
UPDATE beside SET v = v + 1 WHERE id = 1;
INSERT INTO beside VALUES (3, 11, 30);
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT db_guard.revert_transaction(:'txid');
TABLE above ORDER BY id;
SELECT above, n, v FROM below ORDER BY above, n;
TABLE beside ORDER BY id;
-- A key that was given away and taken again; a new row that a cascade has moved since: these go first.
BEGIN;
INSERT INTO below VALUES (1, 5, 50);
UPDATE above SET id = 11 WHERE id = 1;
INSERT INTO above VALUES (1, 7);
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT db_guard.revert_transaction(:'txid');
TABLE above ORDER BY id;
SELECT above, n, v FROM below ORDER BY above, n;
-- A new row that others have come to refer to goes last. A row that refers to its own table finds the key that it knew.
CREATE TABLE staff (id integer PRIMARY KEY, boss integer REFERENCES staff ON UPDATE CASCADE, v integer);
SELECT db_guard.enable_audit('staff');
INSERT INTO staff VALUES (1, NULL, 1), (2, 1, 2), (3, 1, 3);
BEGIN;
INSERT INTO staff VALUES (4, 1, 4);
UPDATE staff SET boss = 4 WHERE id = 2;
UPDATE staff SET id = 10 WHERE id = 1;
DELETE FROM staff WHERE id = 3;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT db_guard.revert_transaction(:'txid');
TABLE staff ORDER BY id;
-- What somebody puts into the search_path decides on nothing.
CREATE SCHEMA evil;
CREATE FUNCTION evil.same(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''caught''; RETURN $1::text = $2::text; END';
CREATE OPERATOR evil.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = evil.same);
CREATE TABLE coded (code varchar PRIMARY KEY, v integer);
SELECT db_guard.enable_audit('coded');
INSERT INTO coded VALUES ('a', 1), ('b', 2);
BEGIN;
UPDATE coded SET v = 3 WHERE code::text = 'a';
UPDATE coded SET code = 'c' WHERE code::text = 'b';
INSERT INTO coded VALUES ('d', 4);
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SET search_path = evil, "Revert", pg_catalog;
SELECT count(*) FROM coded WHERE code = 'a'::varchar;
SELECT db_guard.revert_transaction(:'txid');
SET search_path = "Revert";
TABLE coded ORDER BY code;
DROP OPERATOR evil.= (varchar, varchar);
DROP FUNCTION evil.same(varchar, varchar);
DROP SCHEMA evil;
-- Who may only DELETE can take an INSERT back; one who may see a row, but not change it, is told.
CREATE ROLE revert_deleter;
GRANT USAGE ON SCHEMA "Revert" TO revert_deleter;
GRANT SELECT, DELETE, INSERT ON above TO revert_deleter;
GRANT SELECT ON db_guard.audit_log TO revert_deleter;
SET ROLE revert_deleter;
BEGIN;
INSERT INTO above VALUES (7, 7);
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SELECT db_guard.revert_transaction(:'txid');
RESET ROLE;
SELECT count(*) FROM above WHERE id = 7;
GRANT UPDATE ON above TO revert_deleter;
ALTER TABLE above ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON above FOR SELECT TO revert_deleter USING (true);
CREATE POLICY change ON above FOR UPDATE TO revert_deleter USING (id <> 2);
BEGIN;
UPDATE above SET v = v + 1;
SELECT pg_current_xact_id() AS txid \gset
COMMIT;
SET ROLE revert_deleter;
SELECT db_guard.revert_transaction(:'txid');
RESET ROLE;
SELECT id, v FROM above ORDER BY id;
SET client_min_messages = warning;
DROP SCHEMA "Revert" CASCADE;
DROP OWNED BY revert_deleter;
DROP ROLE revert_deleter;
