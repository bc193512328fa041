-- explain_ddl: what statements will do, told beforehand and compared with what they do.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
SET db_guard.mode = off;
CREATE SCHEMA lint_explain;
SET search_path = lint_explain;
CREATE TABLE customers (id integer PRIMARY KEY, email text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer integer REFERENCES customers, note text, code varchar(10),
    CONSTRAINT filled CHECK (note IS NOT NULL));
ALTER TABLE orders ADD CONSTRAINT hoped CHECK (code IS NOT NULL) NOT VALID;
CREATE INDEX orders_customer ON orders (customer);
CREATE TABLE "Odd ""names""" (a integer, b integer);
CREATE TABLE parts (id integer, at date) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
INSERT INTO customers SELECT g FROM generate_series(1, 10) g;
INSERT INTO orders SELECT g, g, g, g FROM generate_series(1, 10) g;
RESET client_min_messages;

CREATE FUNCTION told(sql text)
RETURNS TABLE (n integer, command text, relation text, lock_mode text, work text, proof text, certainty text)
LANGUAGE sql AS $$
    SELECT statement, command, relation, lock_mode,
           concat_ws(' ', CASE WHEN rewrite THEN 'rewrite' END, CASE WHEN scan THEN 'scan' END,
                     CASE WHEN index_build THEN 'index_build' END, CASE WHEN fk_check THEN 'fk_check' END),
           proof, certainty
      FROM db_guard.explain_ddl(sql)
     -- From 15.19, 16.15, 17.11 and 18.5 on the server locks what a new object depends on.
     WHERE (relation, lock_mode) IS DISTINCT FROM ('customers_pkey', 'AccessShareLock')
     ORDER BY statement, relation COLLATE "C"
$$;
-- Where the two differ, in any column that both have and that does not depend on the moment.
CREATE FUNCTION differs(sql text) RETURNS SETOF text LANGUAGE sql AS $$
    WITH told AS (SELECT relation, lock_mode, rewrite, scan, index_build, fk_check, proof IS NULL,
                         rows, bytes, blocks_reads, blocks_writes FROM db_guard.explain_ddl(sql)),
         done AS (SELECT relation, lock_mode, rewrite, scan, index_build, fk_check, proof IS NULL,
                         rows, bytes, blocks_reads, blocks_writes FROM db_guard.trace_sql(sql))
    SELECT 'told ' || told::text FROM (TABLE told EXCEPT TABLE done) AS told
    UNION ALL
    SELECT 'done ' || done::text FROM (TABLE done EXCEPT TABLE told) AS done
$$;

SELECT * FROM told('ALTER TABLE orders ALTER COLUMN id TYPE numeric');
SELECT * FROM told('ALTER TABLE orders ALTER COLUMN code TYPE varchar(20)');
SELECT * FROM told('ALTER TABLE orders ADD COLUMN serial_number bigserial, ADD COLUMN plain text');
SELECT * FROM told('ALTER TABLE orders ADD CHECK (id > 0)');
SELECT * FROM told('ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers NOT VALID');
SELECT * FROM told('ALTER TABLE orders ALTER COLUMN note SET NOT NULL');
SELECT * FROM told('ALTER TABLE orders ALTER COLUMN code SET NOT NULL');
SELECT * FROM told('TRUNCATE customers CASCADE');
SELECT * FROM told('CREATE INDEX ON parts (id)');
SELECT * FROM told('CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (''2021-01-01'') TO (''2022-01-01'')');
SELECT * FROM told('CREATE INDEX CONCURRENTLY ON orders (note)');
SELECT * FROM told('VACUUM FULL orders');
SELECT * FROM told('ALTER TABLE "Odd ""names""" DROP COLUMN b');
SELECT * FROM told('DROP TABLE customers');

SELECT statement, difference
  FROM unnest(ARRAY[
       'ALTER TABLE orders ALTER COLUMN id TYPE numeric',
       'ALTER TABLE orders ADD COLUMN serial_number bigserial, ADD COLUMN plain text',
       'ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers',
       'ALTER TABLE orders ALTER COLUMN note SET NOT NULL',
       'ALTER TABLE orders VALIDATE CONSTRAINT hoped',
       'ALTER TABLE customers ALTER COLUMN id TYPE bigint',
       'TRUNCATE customers CASCADE',
       'CREATE INDEX ON parts (id)',
       'ALTER TABLE parts DETACH PARTITION parts_1',
       'DROP TABLE customers CASCADE',
       'LOCK TABLE parts IN SHARE MODE']) AS statement,
       LATERAL differs(statement) AS difference;

-- A script: what earlier statements make, drop, validate and set is known to the later ones.
SELECT * FROM told('
CREATE TABLE fresh (id integer PRIMARY KEY, customer integer);
ALTER TABLE fresh ADD COLUMN a integer;
CREATE INDEX ON fresh (a);
ALTER TABLE fresh ADD FOREIGN KEY (customer) REFERENCES customers;
ALTER TABLE orders VALIDATE CONSTRAINT hoped;
ALTER TABLE orders ALTER COLUMN code SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT filled;
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
ALTER TABLE orders ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT later;
DROP TABLE "Odd ""names""";
ALTER TABLE "Odd ""names""" ADD COLUMN c integer;
SET search_path = pg_catalog;
ALTER TABLE orders ADD COLUMN d integer;
ALTER TABLE lint_explain.customers ADD COLUMN d integer');
SHOW search_path;
SELECT n, relation, lock_mode, proof, certainty FROM told('
ALTER TABLE orders RENAME TO purchases;
ALTER TABLE purchases ADD COLUMN e integer;
ALTER TABLE orders ADD COLUMN e integer;
CREATE TABLE orders (id integer);
DROP TABLE customers CASCADE;
CREATE TABLE customers (id integer);
ALTER TABLE "Odd ""names""" SET SCHEMA public;
ALTER TABLE public."Odd ""names""" ADD COLUMN e integer;
SET timezone = ''nowhere at all'';
ALTER TABLE parts ADD COLUMN e integer') WHERE relation IS NULL OR relation IN ('orders', '"Odd ""names"""', 'parts');

-- An estimate is bytes at the speed that the log remembers: 10,000 bytes a millisecond here.
INSERT INTO db_guard.ddl_log (id, logged_at, user_name, session_user_name, process_id, command_tag, outcome, findings, duration_ms)
SELECT g, now(), 'x', 'x', 1, 'ALTER TABLE', 'done',
       jsonb_build_array(jsonb_build_object('rule', 'alter-column-type-rewrite', 'bytes', 10000 * duration)), duration
  FROM (VALUES (1, 1000), (2, 2000), (3, 5)) AS entry (g, duration);
SELECT work, bytes_per_ms, statements FROM db_guard.work_rates();
CREATE TABLE big AS SELECT g AS id, repeat('x', 100) AS note FROM generate_series(1, 20000) AS g;
SELECT relation, rewrite, scan, estimated_ms = bytes / 10000.0 AS by_the_rate
  FROM db_guard.explain_ddl('ALTER TABLE big ALTER COLUMN id TYPE bigint');
SELECT relation, rewrite, scan, estimated_ms
  FROM db_guard.explain_ddl('ALTER TABLE big ADD CHECK (id > 0); ALTER TABLE customers ALTER COLUMN id TYPE bigint')
 WHERE relation IN ('big', 'customers');
DELETE FROM db_guard.ddl_log WHERE user_name = 'x';

-- Bad input: every statement has its row.
SELECT n, command, relation, certainty, proof FROM told('
SELCT 1;
ALTER TABLE missing ADD COLUMN a integer;
\d orders
DROP TABLE orders RESTRICT');
SELECT count(*) FROM told('');
SELECT count(*) FROM db_guard.explain_ddl(NULL);

SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA lint_explain CASCADE;
