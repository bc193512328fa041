-- Row versions: counting, and refusing what is stale.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA versions;
SET search_path = versions;
\set SHOW_CONTEXT never
CREATE TABLE t (id integer PRIMARY KEY, name text, version integer NOT NULL DEFAULT 1, updated_at timestamptz);
SELECT db_guard.enable_row_version('t');
INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'b');
UPDATE t SET name = 'c' WHERE id = 1 RETURNING version AS counted;
UPDATE t SET name = 'c' WHERE id = 1 RETURNING version AS nothing_changed;
UPDATE t SET name = 'd', version = 2 WHERE id = 1 RETURNING version AS as_read;
UPDATE t SET name = 'e', version = version + 1 WHERE id = 1 RETURNING version AS counted_by_the_client;
UPDATE t SET name = 'e', version = 4 WHERE id = 1 RETURNING version AS nothing_changed;
-- Stale, from the future, backwards, nothing: each refused, also where nothing else changes.
UPDATE t SET name = 'f', version = 3 WHERE id = 1;
UPDATE t SET version = 3 WHERE id = 1;
UPDATE t SET name = 'f', version = 6 WHERE id = 1;
UPDATE t SET name = 'f', version = -4 WHERE id = 1;
UPDATE t SET name = 'f', version = NULL WHERE id = 1;
UPDATE t SET name = 'f', version = 4;
SELECT id, name, version FROM t ORDER BY id;
DO $$
DECLARE code text; s text; r text; c text;
BEGIN
    UPDATE versions.t SET version = 1 WHERE id = 1;
EXCEPTION WHEN serialization_failure THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, s = SCHEMA_NAME, r = TABLE_NAME, c = COLUMN_NAME;
    RAISE NOTICE '% % % %', code, s, r, c;
END $$;
-- With updated_at.
SELECT db_guard.enable_updated_at('t');
UPDATE t SET name = 'g' WHERE id = 1 RETURNING version, updated_at = now() AS stamped;
UPDATE t SET name = 'g' WHERE id = 2 RETURNING version, updated_at = now() AS stamped;
UPDATE t SET name = 'g' WHERE id = 2 RETURNING version, updated_at = now() AS stamped_again;
-- Required.
SELECT db_guard.enable_row_version('t', required => true);
UPDATE t SET name = 'h' WHERE id = 1;
UPDATE t SET name = 'h', version = 5 WHERE id = 1 RETURNING version;
-- A database owner's own changes.
SET db_guard.column_triggers = off;
UPDATE t SET name = 'i', version = 1 RETURNING id, version;
RESET db_guard.column_triggers;
-- Ends of the range, and rows that are older than the column.
CREATE TABLE small (id integer, version smallint);
CREATE TABLE big (id integer, version bigint);
SELECT db_guard.enable_row_version('small'), db_guard.enable_row_version('big');
INSERT INTO small VALUES (1, 32766), (2, NULL);
UPDATE small SET id = id + 10 RETURNING id, version;
UPDATE small SET id = 12 WHERE id = 12 RETURNING version;
UPDATE small SET id = 13, version = 1 WHERE id = 12 RETURNING version;
UPDATE small SET id = 12 WHERE id = 11;
INSERT INTO big VALUES (1, 9223372036854775807), (2, 2147483647);
UPDATE big SET id = 3, version = version + 1 WHERE id = 2 RETURNING version;
UPDATE big SET id = 2 WHERE id = 1;
SET client_min_messages = warning;
DROP SCHEMA versions CASCADE;
