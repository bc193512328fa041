-- Dropping, moving, partitions and maintenance: what is said, and what passes without a word.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
CREATE SCHEMA "Drop me";
SET search_path = "Drop me";
CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE "Orders" (id bigint PRIMARY KEY, user_id bigint REFERENCES users, "It's total" numeric);
CREATE TABLE lines (order_id bigint REFERENCES "Orders");
CREATE TABLE never_used (id bigint PRIMARY KEY, user_id bigint REFERENCES users);
INSERT INTO users SELECT generate_series(1, 1000);
INSERT INTO "Orders" SELECT g, g, g FROM generate_series(1, 1000) g;
INSERT INTO lines SELECT generate_series(1, 1000);
CREATE VIEW totals AS SELECT "It's total" FROM "Orders";
CREATE SEQUENCE numbers;
CREATE FUNCTION next_number() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN nextval('numbers'); END$$;
CREATE FUNCTION unused() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION used(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION user_of_used() RETURNS integer LANGUAGE plpgsql AS $$BEGIN RETURN used(1); END$$;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE nobodys AS ENUM ('good', 'bad');
CREATE TABLE feelings (id bigint PRIMARY KEY, mood mood, moods mood[]);
CREATE MATERIALIZED VIEW summary AS SELECT count(*) AS n FROM lines;
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS n WITH NO DATA;
CREATE TABLE shapes (id bigint, kind text, day date) PARTITION BY LIST (kind);
CREATE TABLE shapes_a PARTITION OF shapes FOR VALUES IN ('a');
CREATE TABLE "Shapes of b" (day date, kind text, id bigint);
INSERT INTO shapes SELECT g, 'a', '2026-01-01' FROM generate_series(1, 1000) g;
INSERT INTO "Shapes of b" SELECT '2026-01-01', 'b', g FROM generate_series(1, 1000) g;
CREATE TABLE remains (id bigint, kind text) PARTITION BY LIST (kind);
CREATE TABLE remains_a PARTITION OF remains FOR VALUES IN ('a');
CREATE TABLE remains_other PARTITION OF remains DEFAULT;
INSERT INTO remains SELECT g, 'x' FROM generate_series(1, 1000) g;
ANALYZE;
\c -
SET search_path = "Drop me";
SET db_guard.small_table_size = 0;
SET db_guard.show_notes = on;
-- Not about how things are declared.
SET db_guard.policy_packs = '';
\set SHOW_CONTEXT never

-- Tables. When they were last scanned, only later versions know: that is left out.
\set VERBOSITY terse
DROP TABLE lines;
DROP TABLE never_used;
DROP TABLE IF EXISTS no_such_table;
DROP TABLE users;
DROP TABLE "Orders" CASCADE;
\set VERBOSITY default
-- Other names.
DROP VIEW totals;
DROP SEQUENCE numbers;
DROP FUNCTION used(integer);
DROP FUNCTION IF EXISTS no_such_function();
DROP MATERIALIZED VIEW summary;
-- Schemas, and what a role owns.
DROP SCHEMA "Drop me";
DROP SCHEMA "Drop me" CASCADE;
DROP SCHEMA IF EXISTS no_such_schema CASCADE;
CREATE SCHEMA empty;
DROP SCHEMA empty CASCADE;
-- Renaming.
ALTER SCHEMA "Drop me" RENAME TO kept;
ALTER TABLE lines SET SCHEMA public;
ALTER TYPE mood RENAME VALUE 'bad' TO 'it''s worse';
ALTER TYPE nobodys RENAME VALUE 'bad' TO 'worse';
ALTER FUNCTION used(integer) RENAME TO needed;
ALTER FUNCTION unused() SET SCHEMA public;
ALTER TABLE lines RENAME CONSTRAINT lines_order_id_fkey TO lines_order;
-- A table that is there.
CREATE TABLE IF NOT EXISTS lines (order_id bigint, amount numeric(10,2));
CREATE TABLE IF NOT EXISTS lines (order_id integer);
CREATE TABLE IF NOT EXISTS totals (n integer);
CREATE TABLE IF NOT EXISTS feelings (id bigserial, mood mood, moods mood[]);
CREATE TABLE IF NOT EXISTS feelings (LIKE feelings);
-- Partitions.
ALTER TABLE shapes ATTACH PARTITION "Shapes of b" FOR VALUES IN ('b', NULL);
ALTER TABLE remains ATTACH PARTITION "Shapes of b" FOR VALUES IN ('b');
CREATE TABLE remains_c (note text);
ALTER TABLE remains_c DROP COLUMN note, ADD COLUMN id bigint, ADD COLUMN kind text;
ALTER TABLE remains ATTACH PARTITION remains_c FOR VALUES IN ('c');
CREATE TABLE remains_d PARTITION OF remains FOR VALUES IN ('d');
CREATE TABLE IF NOT EXISTS shapes_a PARTITION OF shapes FOR VALUES IN ('a');
CREATE TABLE shapes_e PARTITION OF shapes FOR VALUES IN ('e');
ALTER TABLE shapes DETACH PARTITION shapes_e;
ALTER TABLE remains DETACH PARTITION remains_a;
CREATE TABLE shapes_f PARTITION OF shapes FOR VALUES IN ('f');
DROP TABLE shapes_f;
\set VERBOSITY terse
DROP TABLE shapes_a;
\set VERBOSITY default
-- Maintenance.
REFRESH MATERIALIZED VIEW summary;
REFRESH MATERIALIZED VIEW unfilled;
ALTER TABLE lines SET (autovacuum_enabled = no, toast.autovacuum_enabled = true);
ALTER TABLE users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;
CREATE TABLE copy AS SELECT * FROM lines;
-- Row security: no policy yet, then one, then none again.
ALTER TABLE lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY "All rows" ON lines USING (true);
DROP POLICY "All rows" ON lines;
-- With an override, as printed.
BEGIN;
SET LOCAL lock_timeout = '2s';
SET LOCAL db_guard.allow = 'drop-cascade,drop-table';
SET LOCAL db_guard.allow_reason = 'nothing that goes along is needed';
DROP TABLE "Orders" CASCADE;
COMMIT;
-- A timeout is enough where the lock is brief.
SET lock_timeout = '2s';
CREATE TABLE shapes_g PARTITION OF shapes FOR VALUES IN ('g');
DROP TABLE shapes_g;
-- The rest is for the linter: event triggers do not see it.
SELECT rule, severity, regexp_replace(message, 'all tables \(\d+ kB\)', 'all tables (N kB)') AS message FROM db_guard.check_sql($$
TRUNCATE users CASCADE;
TRUNCATE lines;
VACUUM FULL lines;
VACUUM (FULL false) lines;
CLUSTER lines;
VACUUM FULL;
RESET lock_timeout;
BEGIN;
LOCK TABLE lines;
LOCK TABLE ONLY users IN SHARE MODE NOWAIT;
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
COMMIT;
UPDATE users SET id = id;
DELETE FROM lines WHERE order_id = 17;
DROP DATABASE no_such_database;
DROP FUNCTION unused(), no_such_function(integer);
DROP TRIGGER no_such_trigger ON lines;
DROP POLICY no_such_policy ON no_such_table;
$$);
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA "Drop me" CASCADE;
