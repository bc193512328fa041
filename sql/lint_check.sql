-- check_sql: what is hazardous in a script, told without running it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
SET db_guard.mode = off;
CREATE SCHEMA lint_check;
SET search_path = lint_check;
CREATE TABLE orders (id bigint PRIMARY KEY, total numeric, note text, code varchar(20));
CREATE INDEX orders_code ON orders (code);
INSERT INTO orders SELECT g, g, g, g FROM generate_series(1, 1000) g;
CREATE TABLE empty (id bigint PRIMARY KEY, total numeric);
CREATE TABLE many (id integer, n integer);
INSERT INTO many SELECT g, 0 FROM generate_series(1, 10000) g;
ANALYZE orders, empty, many;
RESET client_min_messages;
-- In the session that makes a table nobody else uses it.
\c -
SET search_path = lint_check;
SET db_guard.small_table_size = 0;
CREATE FUNCTION found(sql text) RETURNS TABLE (n integer, line integer, rule text, severity text, object text)
LANGUAGE sql AS $$ SELECT statement, line, rule, severity, object FROM db_guard.check_sql(sql) $$;

-- One finding, whole.
SELECT * FROM db_guard.check_sql('ALTER TABLE orders ADD CONSTRAINT orders_key UNIQUE (note)') \gx
SELECT count(*) FROM db_guard.check_sql('');
SELECT count(*) FROM db_guard.check_sql(NULL);
SELECT count(*) FROM db_guard.check_sql('ALTER TABLE orders ADD COLUMN fine text; SELECT 1; GRANT SELECT ON orders TO public');

-- What earlier statements do is known to later ones.
SELECT * FROM found($$
    CREATE TABLE new (id bigint, c text);
    ALTER TABLE new ALTER COLUMN c SET NOT NULL, ADD UNIQUE (c), DROP COLUMN id;
    CREATE INDEX ON new (c);
    DROP TABLE new;
    ALTER TABLE new DROP COLUMN c;
$$);
SELECT * FROM found($$
    ALTER TABLE orders ADD CONSTRAINT filled CHECK (note IS NOT NULL) NOT VALID;
    ALTER TABLE orders VALIDATE CONSTRAINT filled;
    ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
    ALTER TABLE orders ALTER COLUMN code SET NOT NULL;
$$);
SELECT * FROM found($$
    ALTER TABLE orders ADD COLUMN added integer;
    ALTER TABLE orders ALTER COLUMN added SET NOT NULL;
    ALTER TABLE orders ADD COLUMN sure integer NOT NULL DEFAULT 0;
    ALTER TABLE orders ALTER COLUMN sure SET NOT NULL;
    ALTER TABLE orders ADD UNIQUE (added);
    CREATE INDEX CONCURRENTLY ON orders (added);
    CREATE INDEX ON orders (added);
$$);
SELECT * FROM found('ALTER TABLE orders RENAME TO sales; ALTER TABLE sales DROP COLUMN note; ALTER TABLE orders DROP COLUMN note');
SELECT * FROM found($$
    CREATE SCHEMA later;
    SET search_path = later;
    CREATE TABLE orders (id integer);
    ALTER TABLE orders DROP COLUMN id;
    SET search_path = lint_check;
    ALTER TABLE orders DROP COLUMN note;
    ALTER TABLE later.orders DROP COLUMN note;
$$);
SHOW search_path;
SELECT * FROM found($$
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    ALTER TABLE orders ADD COLUMN mood mood DEFAULT 'sad'::mood;
    ALTER TABLE orders ADD COLUMN another mood NOT NULL;
$$);

-- Settings of the script: what it allows by itself is allowed, as long as it holds.
SELECT * FROM found($$
    BEGIN;
    SET LOCAL db_guard.allow = 'drop-column';
    ALTER TABLE orders DROP COLUMN note;
    COMMIT;
    ALTER TABLE orders DROP COLUMN code;
    SET LOCAL db_guard.allow = 'drop-column';
    ALTER TABLE orders DROP COLUMN total;
    SET db_guard.allow = 'drop-colum';
    SET db_guard.allow = 'drop-column';
    ALTER TABLE orders DROP COLUMN total;
    BEGIN;
    RESET db_guard.allow;
    ROLLBACK;
    ALTER TABLE orders DROP COLUMN total;
    RESET ALL;
    ALTER TABLE lint_check.orders DROP COLUMN total;
$$);
SHOW db_guard.allow;

-- Comments that allow.
SELECT statement, line, rule, message FROM db_guard.check_sql($$
-- db_guard: allow drop-column because nobody has read it since release 41
ALTER TABLE orders DROP COLUMN note;
ALTER TABLE orders DROP COLUMN code; -- db_guard: allow drop-column
-- db_guard: allow rename-column because of nothing
ALTER TABLE orders DROP COLUMN total;
-- db_guard: allow drop-colum because it is misspelt
$$);

-- The policy of the database counts here as it does for the guard.
SELECT db_guard.set_rule('drop-column', 'warn', 'lint_check');
SELECT db_guard.set_rule('rename-table', 'off');
SELECT db_guard.baseline('ALTER TABLE orders ALTER COLUMN note SET NOT NULL; ALTER TABLE orders DROP COLUMN code -- db_guard: allow drop-column because of this');
SELECT * FROM found($$
    ALTER TABLE orders DROP COLUMN note;
    alter  table orders drop column code;
    ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
    ALTER TABLE orders ALTER COLUMN code SET NOT NULL;
    ALTER TABLE orders RENAME TO sales;
$$);
SELECT db_guard.unset_rule('drop-column', 'lint_check'), db_guard.unset_rule('rename-table');
DELETE FROM db_guard.rule_baseline;

-- Bodies of DO.
SELECT statement, line, rule, message FROM db_guard.check_sql($$SELECT 1;
DO $body$
DECLARE
    wanted text;
BEGIN
    IF wanted IS NULL THEN
        ALTER TABLE orders
            DROP COLUMN note;
    END IF;
    SET LOCAL db_guard.allow = 'drop-column';
    ALTER TABLE orders DROP COLUMN total;
    EXECUTE 'ALTER TABLE orders RENAME TO '
         || 'sales';
    -- db_guard: allow opaque-dynamic-sql because it only sets a comment
    EXECUTE format('COMMENT ON TABLE %I IS NULL', wanted);
    EXECUTE wanted;
END
$body$;
ALTER TABLE sales DROP COLUMN code;
DO LANGUAGE plperl 'spi_exec_query("DROP TABLE orders")';
$$);
-- Changes of data in them; how many rows a condition with variables finds, nobody knows yet.
SELECT line, rule, message FROM db_guard.check_sql($$
DO $body$
DECLARE
    wanted integer := 1;
    changed integer;
BEGIN
    UPDATE many SET n = wanted;
    UPDATE many SET n = wanted WHERE id = wanted RETURNING n INTO changed;
    UPDATE many SET n = 1 WHERE id < 10 RETURNING n INTO changed;
    IF changed > 1 THEN
        DELETE FROM many WHERE id > 0;
    END IF;
    DELETE FROM nowhere;
END
$body$;
$$);

-- What cannot be read, or judged, is said. PREPARE and EXECUTE change no schema.
SELECT statement, line, rule, severity, message FROM db_guard.check_sql($$\set x 1
ALTER TABLE orders DROP COLUMN code;
ALTER TABEL orders DROP COLUMN code;
\i other.sql
COPY orders FROM STDIN;
ALTER TABLE orders DROP COLUMN note;
\.
ALTER TABLE nowhere ADD COLUMN c text;
ALTER TABLE IF EXISTS nowhere ADD COLUMN c text;
ALTER TABLE no_schema.nowhere ADD COLUMN c text;
ALTER TABLE orders ADD COLUMN note text;
DROP INDEX orders_code, no_index;
PREPARE p AS SELECT 1;
EXECUTE p;
ALTER TABLE orders DROP COLUMN note;
$$);

-- Work on what is nowhere.
SELECT statement, rule, message FROM db_guard.check_sql($$
UPDATE no_1 SET n = 1;
DELETE FROM no_2;
INSERT INTO no_3 SELECT 1;
TRUNCATE orders, no_4;
LOCK TABLE orders, "No 5" IN EXCLUSIVE MODE;
CLUSTER no_6;
VACUUM FULL no_7;
REFRESH MATERIALIZED VIEW no_8;
INSERT INTO no_9 VALUES (1);
WITH no_10 AS (SELECT 1) INSERT INTO no_10 SELECT 1;
$$) WHERE rule = 'not-judged';
-- What the script makes itself is somewhere.
SELECT rule, message FROM db_guard.check_sql($$
SELECT 1 AS n INTO chosen;
UPDATE chosen SET n = 2;
CREATE TABLE made AS SELECT 1 AS n;
DELETE FROM made;
CREATE TEMPORARY TABLE passing (n integer);
INSERT INTO pg_temp.passing SELECT 1;
TRUNCATE passing;
VACUUM FULL;
CLUSTER;
$$) WHERE rule = 'not-judged';

SELECT rule, message FROM db_guard.check_sql('ALTER TABLE orders ADD COLUMN note text');
SELECT rule, message FROM db_guard.check_sql('ALTER TABLE orders ADD COLUMN c no_such_type');
SELECT rule, message FROM db_guard.check_sql(
    'ALTER TABLE orders ADD COLUMN c integer; ALTER TABLE orders ALTER COLUMN c TYPE bigint');

-- Sizes.
RESET db_guard.small_table_size;
SELECT * FROM found('ALTER TABLE orders ADD UNIQUE (note); ALTER TABLE empty ADD UNIQUE (total)');
SET db_guard.assume_large_tables = on;
SELECT statement, message FROM db_guard.check_sql('
    ALTER TABLE orders ADD UNIQUE (note);
    ALTER TABLE empty ALTER COLUMN total TYPE integer;
    CREATE TABLE new (id integer);
    ALTER TABLE new ADD UNIQUE (id)');
RESET db_guard.assume_large_tables;
SELECT jsonb_object_keys(db_guard.export_sizes()) ORDER BY 1;
SELECT key, value - 'bytes' - 'total_bytes' - 'scans' AS value, (value ->> 'bytes')::bigint > 0 AS has_bytes
  FROM jsonb_each(db_guard.export_sizes() -> 'relations')
 WHERE key LIKE 'lint_check.%' ORDER BY key COLLATE "C";
SELECT db_guard.import_sizes('{"version": 1, "relations": {
    "lint_check.empty": {"bytes": 44000000000, "rows": 210000000},
    "lint_check.orders_code": {"bytes": 1, "scans": 12}}}');
SELECT statement, message FROM db_guard.check_sql('
    ALTER TABLE orders ADD UNIQUE (note);
    ALTER TABLE empty ADD UNIQUE (total);
    ALTER TABLE empty RENAME TO full_one;
    ALTER TABLE full_one ADD UNIQUE (total)');
-- The guard goes by the sizes of here.
ALTER TABLE empty ADD CONSTRAINT empty_total UNIQUE (total);
SELECT db_guard.import_sizes('[]');
SELECT db_guard.import_sizes('{"version": 2, "relations": {}}');
SELECT db_guard.import_sizes('{"version": 1, "relations": {"x": {"bytes": -1}}}');
SELECT count(*) FROM db_guard.lent_sizes;
SELECT db_guard.import_sizes('{"version": 1, "relations": {}}');
SELECT db_guard.import_sizes(db_guard.export_sizes()) > 0;
SELECT db_guard.import_sizes('{"version": 1, "relations": {}}');

-- Reports.
SELECT db_guard.check_report('ALTER TABLE orders DROP COLUMN note;', 'text');
SELECT db_guard.check_report(E'\n-- 100%\nALTER TABLE orders DROP COLUMN note;', 'github', 'db/a,b.sql');
SELECT db_guard.check_report('SELECT 1', 'json', 'a.sql');
SELECT r ->> 'rule', r ->> 'line', r ->> 'fingerprint' ~ '^[0-9a-f]{16}$'
  FROM jsonb_array_elements(db_guard.check_report('ALTER TABLE orders DROP COLUMN note;', 'json')::jsonb) r;
SELECT r ->> 'check_name', r ->> 'severity', r -> 'location'
  FROM jsonb_array_elements(db_guard.check_report('ALTER TABLE orders DROP COLUMN note;', 'gitlab', 'a.sql')::jsonb) r;
SELECT s ->> 'version', s #>> '{runs,0,results,0,ruleId}', s #>> '{runs,0,tool,driver,name}',
       s #> '{runs,0,results,0,locations}',
       s #>> ARRAY['runs', '0', 'tool', 'driver', 'rules', s #>> '{runs,0,results,0,ruleIndex}', 'id'] AS by_index
  FROM (SELECT db_guard.check_report('ALTER TABLE orders DROP COLUMN note;', 'sarif', 'a b.sql')::jsonb) AS report (s);
SELECT db_guard.check_report('SELECT 1', 'xml');
SELECT db_guard.check_report(NULL, 'text');
-- Files in order are one script, and each starts afresh.
SELECT report, blocks, warnings, notes FROM db_guard.check_files('text', ARRAY['1.sql', '2.sql', NULL], ARRAY[
    'CREATE TABLE new (id integer); SET db_guard.allow = ''all''; ALTER TABLE orders DROP COLUMN note;',
    'ALTER TABLE new ADD UNIQUE (id); ALTER TABLE orders DROP COLUMN code; BEGIN; SET LOCAL db_guard.allow = ''all''',
    'ALTER TABLE orders DROP COLUMN total; \q']);
SELECT db_guard.check_files('text', ARRAY['1.sql'], ARRAY['a', 'b']);
SELECT db_guard.check_files('text', ARRAY['1.sql'], ARRAY[NULL]);
SELECT (db_guard.check_files('text', '{}', '{}')).*;

-- Nothing has happened.
SELECT attname FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 ORDER BY attnum;
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA lint_check CASCADE;
