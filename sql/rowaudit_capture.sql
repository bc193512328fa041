-- What is recorded of which statement.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET db_guard.mode = off;
CREATE SCHEMA "Audit ""1""";
SET search_path = "Audit ""1""";
CREATE FUNCTION difference(target regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  missing bigint;
  surplus bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT x::text FROM %1$s x EXCEPT ALL SELECT x::text FROM db_guard.audit_as_of(NULL::%1$s, ''infinity'') x) d', target) INTO missing;
  EXECUTE format('SELECT count(*) FROM (SELECT x::text FROM db_guard.audit_as_of(NULL::%1$s, ''infinity'') x EXCEPT ALL SELECT x::text FROM %1$s x) d', target) INTO surplus;
  RETURN missing || ' missing, ' || surplus || ' surplus';
END $$;
CREATE FUNCTION entries(target regclass) RETURNS TABLE (op text, key jsonb, old jsonb, new jsonb, changed name[])
LANGUAGE sql AS 'SELECT op, key, old, new, changed FROM db_guard.audit_entries(target) ORDER BY audit_id';

CREATE TABLE "The Table" (id integer PRIMARY KEY, "A ""b""" text, n numeric, secret text, noise integer);
INSERT INTO "The Table" VALUES (1, 'before', 1.50, 'hidden', 0);
SELECT db_guard.enable_audit('"The Table"', '{noise}', '{secret}');
INSERT INTO "The Table" VALUES (2, NULL, 'NaN', 'hidden', 1), (3, '', 3, NULL, 1);
INSERT INTO "The Table" SELECT g FROM generate_series(1, 0) g;
UPDATE "The Table" SET "A ""b""" = 'x' WHERE id = 2;
UPDATE "The Table" SET n = n WHERE id = 2;
UPDATE "The Table" SET noise = noise + 1;
UPDATE "The Table" SET secret = 'other' WHERE id = 2;
UPDATE "The Table" SET id = 20, n = 20 WHERE id = 2;
INSERT INTO "The Table" (id, n) VALUES (3, 33), (4, 44) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
MERGE INTO "The Table" t USING (VALUES (3), (4), (5)) v (id) ON t.id = v.id
  WHEN MATCHED AND t.id = 3 THEN DELETE
  WHEN MATCHED THEN UPDATE SET n = 45
  WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id);
COPY "The Table" (id, n) FROM stdin;
6	6.00
\.
WITH gone AS (DELETE FROM "The Table" WHERE id = 6 RETURNING id) UPDATE "The Table" SET n = 6 FROM gone WHERE "The Table".id = 5;
BEGIN;
DELETE FROM "The Table" WHERE id = 1;
ROLLBACK;
TRUNCATE "The Table";
SELECT * FROM entries('"The Table"');
-- Two audits of one table would record everything twice.
SELECT db_guard.enable_audit('"The Table"', '{noise}', '{secret}');
SELECT count(*) FROM pg_trigger WHERE tgrelid = '"The Table"'::regclass AND tgname LIKE 'db_guard%';

-- Foreign keys.
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE);
SELECT db_guard.enable_audit('parent'), db_guard.enable_audit('child');
INSERT INTO parent VALUES (1), (2);
INSERT INTO child VALUES (1, 1), (2, 2);
UPDATE parent SET id = 10 WHERE id = 1;
DELETE FROM parent WHERE id = 2;
SELECT * FROM entries('child');
TRUNCATE parent CASCADE;
SELECT * FROM entries('child') OFFSET 4;
SELECT difference('parent'), difference('child');

-- Partitions: by the table, directly, and from one to the other.
CREATE TABLE parted (id integer, k integer, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
SELECT db_guard.enable_audit('parted');
CREATE TABLE parted_2 (v text, k integer NOT NULL, id integer NOT NULL);
INSERT INTO parted_2 VALUES ('came with it', 2, 7);
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES IN (2);
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES IN (3);
INSERT INTO parted VALUES (1, 1, 'by the table');
INSERT INTO parted_2 (id, k, v) VALUES (2, 2, 'directly');
UPDATE parted SET k = 2 WHERE id = 1;
UPDATE parted_2 SET v = 'directly' WHERE id = 7;
ALTER TABLE parted DETACH PARTITION parted_2;
INSERT INTO parted_2 (id, k, v) VALUES (3, 2, 'no longer part of it');
INSERT INTO parted VALUES (3, 3, 'goes with its partition');
DROP TABLE parted_3;
TRUNCATE parted_1;
SELECT * FROM entries('parted');
SELECT difference('parted');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'parted_2'::regclass;

-- Without a key.
CREATE TABLE nokey (a integer, b text);
SELECT db_guard.enable_audit('nokey');
INSERT INTO nokey VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
UPDATE nokey SET b = 'y' WHERE ctid = (SELECT ctid FROM nokey WHERE a = 1 LIMIT 1);
DELETE FROM nokey WHERE b = 'x';
SELECT * FROM entries('nokey');
SELECT difference('nokey');

-- Types that hold numbers of catalog rows, values that lie elsewhere, generated columns, many columns.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (d date, m mood);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE types (id integer PRIMARY KEY, m mood, p pair, ms mood[], pos positive, x xml, a integer[], i interval,
  r int4range, pt point, b bytea, c "char", bp char(5), rc regclass, f float4, big text, g integer GENERATED ALWAYS AS (id * 2) STORED);
ALTER TABLE types ALTER COLUMN big SET STORAGE EXTERNAL;
SELECT db_guard.enable_audit('types');
INSERT INTO types VALUES (1, 'sad', '(2020-01-02,ok)', '{sad,ok}', 3, '<a/>', '[2:3]={1,2}', '1 day', '[1,3)', '(1,2)', '\x0001', 'c', 'ab', 'pg_class', 1.1, repeat('x', 5000));
SET datestyle = 'SQL, DMY';
UPDATE types SET p = '(03/02/2021,sad)', f = 'NaN';
UPDATE types SET a = '{1,2}';
SELECT old - 'big' AS old, new - 'big' AS new, changed FROM entries('types') WHERE op = 'UPDATE';
SELECT length(new ->> 'big') FROM entries('types') WHERE op = 'INSERT';
SELECT difference('types');
RESET datestyle;
DO $$
BEGIN
  EXECUTE (SELECT format('CREATE TABLE wide (id integer PRIMARY KEY, %s)', string_agg(format('c%s integer', g), ', ')) FROM generate_series(1, 1599) g);
END $$;
SELECT db_guard.enable_audit('wide');
INSERT INTO wide (id, c1, c1599) VALUES (1, 1, 1), (2, 2, 2);
UPDATE wide SET c1599 = c1599 + 1, c800 = 8;
SELECT * FROM entries('wide') WHERE op = 'UPDATE';
SELECT difference('wide');

-- Off and on again.
SELECT db_guard.disable_audit('nokey');
SELECT db_guard.disable_audit('nokey');
INSERT INTO nokey VALUES (5, 'nobody records it');
SELECT enabled FROM db_guard.audited_table WHERE table_name = 'nokey';
SELECT db_guard.enable_audit('nokey');
INSERT INTO nokey VALUES (6, 'recorded');
SELECT op, new FROM entries('nokey') OFFSET 6;
SELECT difference('nokey');
-- The order of the numbers is the order of time, and no client's sequence is moved.
SELECT count(*) - count(DISTINCT audit_id) AS twice FROM db_guard.audit_log;
SELECT bool_and(at BETWEEN now() - interval '1 hour' AND clock_timestamp()) AS at_a_time FROM db_guard.audit_log;
SET client_min_messages = warning;
DROP SCHEMA "Audit ""1""" CASCADE;
