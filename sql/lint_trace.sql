-- trace_sql: what statements really do, taken back.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
SET db_guard.mode = off;
CREATE SCHEMA lint_trace;
SET search_path = lint_trace;
CREATE TABLE customers (id integer PRIMARY KEY, email text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer integer REFERENCES customers, note text,
    CONSTRAINT filled CHECK (note IS NOT NULL));
CREATE TABLE "Odd ""names""" (a integer);
INSERT INTO customers SELECT g FROM generate_series(1, 10) g;
INSERT INTO orders SELECT g, g, g FROM generate_series(1, 10) g;
RESET client_min_messages;

CREATE FUNCTION traced(sql text)
RETURNS TABLE (n integer, command text, relation text, lock_mode text, work text, proof text, certainty text)
LANGUAGE sql AS $$
    SELECT statement, command, relation, lock_mode,
           concat_ws(' ', CASE WHEN rewrite THEN 'rewrite' END, CASE WHEN scan THEN 'scan' END,
                     CASE WHEN index_build THEN 'index_build' END, CASE WHEN fk_check THEN 'fk_check' END),
           proof, certainty
      FROM db_guard.trace_sql(sql)
     -- From 15.19, 16.15, 17.11 and 18.5 on the server locks what a new object depends on.
     WHERE (relation, lock_mode) IS DISTINCT FROM ('customers_pkey', 'AccessShareLock')
     ORDER BY statement, relation COLLATE "C"
$$;

-- Rewrite, scan, index build, foreign-key check, and the proof that makes a scan unnecessary.
SELECT * FROM traced('ALTER TABLE orders ALTER COLUMN id TYPE numeric');
SELECT * FROM traced('ALTER TABLE orders ADD CHECK (id > 0)');
SELECT * FROM traced('CREATE INDEX ON orders (note)');
SELECT * FROM traced('ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers');
SELECT * FROM traced('ALTER TABLE orders ALTER COLUMN note SET NOT NULL');
SELECT * FROM traced('TRUNCATE orders');
SELECT * FROM traced('ALTER TABLE "Odd ""names""" ADD COLUMN b integer DEFAULT random()');

-- A script: each statement sees the earlier ones; a lock that is held already is not reported again.
SELECT * FROM traced('
BEGIN;
CREATE TABLE fresh (id integer PRIMARY KEY, customer integer REFERENCES customers);
ALTER TABLE fresh ADD COLUMN a integer;
ALTER TABLE orders ADD COLUMN a integer;
ALTER TABLE orders ALTER COLUMN a SET NOT NULL;
COMMIT');

-- What cannot be traced, and what fails.
SELECT * FROM traced('CREATE INDEX CONCURRENTLY ON orders (note)');
SELECT * FROM traced('ALTER TABLE missing ADD COLUMN a integer; SELECT 1');
SELECT * FROM traced('ALTER TABLE orders ADD COLUMN a integer; SELCT; \d orders');
SELECT * FROM traced('VACUUM orders');

-- Nothing of it is left.
SELECT count(*) FROM orders;
SELECT attname FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 ORDER BY attnum;
SELECT to_regclass('fresh');
SHOW client_min_messages;
SELECT setting = reset_val AS unchanged FROM pg_settings WHERE name = 'log_min_messages';

-- It runs with the rights of whoever calls it.
CREATE ROLE regress_lint_trace;
GRANT USAGE ON SCHEMA lint_trace TO regress_lint_trace;
SET ROLE regress_lint_trace;
SELECT * FROM traced('ALTER TABLE orders ADD COLUMN a integer');
SELECT * FROM traced('SELECT 1');
RESET ROLE;

-- Durations are there, sizes too.
SELECT duration_ms >= 0 AS timed, bytes > 0 AS sized FROM db_guard.trace_sql('LOCK TABLE orders');

SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA lint_trace CASCADE;
DROP ROLE regress_lint_trace;
