-- Modes, overrides and typing errors.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA settings;
CREATE TYPE settings.shape AS (side integer);
CREATE TABLE settings.shapes OF settings.shape;
INSERT INTO settings.shapes SELECT generate_series(1, 1000);
CREATE TABLE settings.t (id integer, a integer);
INSERT INTO settings.t SELECT g, g FROM generate_series(1, 1000) g;
\c -
-- Any function of the extension loads its library, and with it the settings.
SELECT db_guard.is_judging();
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never
SHOW db_guard.mode;
SELECT name, setting, unit, vartype, context, boot_val, enumvals FROM pg_settings WHERE name LIKE 'db\_guard.%' ORDER BY name;

-- Typing errors.
SET db_guard.allow = 'rename-colum';
SET db_guard.allow = 'rename-column, nonsense-beyond-repair';
SET db_guard.mode = 'blok';
SET db_guard.alow = 'x';
SET db_guard.whatever_this_is = 'x';
SET DB_GUARD.MODE = off;
RESET db_guard.mode;

-- Each mode.
\set VERBOSITY terse
ALTER TABLE settings.t RENAME COLUMN a TO b;
SET db_guard.mode = warn;
ALTER TABLE settings.t RENAME COLUMN a TO b;
SET db_guard.mode = log;
ALTER TABLE settings.t RENAME COLUMN b TO a;
SET db_guard.mode = off;
ALTER TABLE settings.t RENAME COLUMN a TO b;
RESET db_guard.mode;
SELECT outcome, jsonb_path_query_array(findings, '$[*].rule') AS rules
  FROM db_guard.ddl_log WHERE object = 'settings.t' AND command_tag = 'ALTER TABLE' ORDER BY id DESC LIMIT 4;

-- Allowing.
\set VERBOSITY default
BEGIN;
SET LOCAL db_guard.allow = 'rename-column, drop-column';
SET LOCAL db_guard.allow_reason = 'ticket 17';
ALTER TABLE settings.t RENAME COLUMN b TO a;
COMMIT;
\set VERBOSITY terse
ALTER TABLE settings.t RENAME COLUMN a TO b;
SET db_guard.allow = 'all';
ALTER TABLE settings.t RENAME COLUMN a TO b;
SET db_guard.require_reason = on;
\set VERBOSITY default
ALTER TABLE settings.t DROP COLUMN b;
SET db_guard.allow_reason = 'ticket 18';
ALTER TABLE settings.t DROP COLUMN b;
SELECT command_tag, object, outcome, jsonb_path_query_array(findings, '$[*].rule') AS rules, allow_reason
  FROM db_guard.ddl_log WHERE outcome = 'allowed' AND object = 'settings.t' ORDER BY id;
-- The log takes no number from a sequence: lastval() stays the client's own.
CREATE TEMPORARY SEQUENCE mine START 42;
SELECT nextval('mine');
ALTER TABLE settings.t ADD COLUMN c integer;
SELECT lastval();
-- Allowing one hazard allows no other, also where only the server foresees it.
BEGIN;
SET LOCAL db_guard.allow = 'drop-column';
ALTER TABLE settings.t DROP COLUMN c, ADD COLUMN d text CHECK (d <> '');
ROLLBACK;
BEGIN;
SET LOCAL db_guard.allow = 'drop-column';
ALTER TYPE settings.shape ALTER ATTRIBUTE side TYPE bigint CASCADE;
ROLLBACK;
BEGIN;
SET LOCAL db_guard.allow = 'drop-column, table-rewrite';
ALTER TYPE settings.shape ALTER ATTRIBUTE side TYPE bigint CASCADE;
SELECT outcome, jsonb_path_query_array(findings, '$[*].rule') AS rules
  FROM db_guard.ddl_log WHERE object = 'settings.shape' ORDER BY id DESC LIMIT 1;
ROLLBACK;
-- Nothing is refused that the server refuses itself.
RESET ALL;
\set VERBOSITY terse
ALTER TABLE settings.missing RENAME COLUMN a TO b;
ALTER TABLE missing.missing RENAME TO b;
ALTER TABLE settings.t RENAME COLUMN missing TO b;
\set VERBOSITY sqlstate
ALTER TABLE settings.t ALTER COLUMN id TYPE missing;
\set VERBOSITY terse
ALTER TABLE settings.t ADD COLUMN b integer DEFAULT missing();
ALTER TABLE settings.t ADD UNIQUE (missing);
DROP INDEX settings.missing;
DROP INDEX settings.t;
SELECT db_guard.ddl_command_start();
SELECT command_class, guarded, replace(what_to_do, current_database(), 'this') AS what_to_do
  FROM db_guard.coverage WHERE command_class <> 'REINDEX';
SET db_guard.mode = off;
SELECT DISTINCT guarded, what_to_do FROM db_guard.coverage WHERE what_to_do LIKE 'db_guard%';
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA settings CASCADE;
