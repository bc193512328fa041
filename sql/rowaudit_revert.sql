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
SET client_min_messages = warning;
DROP SCHEMA "Revert" CASCADE;
