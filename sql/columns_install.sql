-- Enabling and disabling column triggers.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA installs;
SET search_path = installs;
\set SHOW_CONTEXT never
CREATE TABLE plain (id integer PRIMARY KEY, body text, updated_at timestamptz, version integer, deleted_at timestamptz, created_by text);

-- What cannot be.
SELECT db_guard.enable_updated_at(NULL);
SELECT db_guard.enable_updated_at('plain', NULL);
SELECT db_guard.enable_updated_at('plain', 'update_at');
SELECT db_guard.enable_updated_at('plain', 'nonsense_beyond_repair');
SELECT db_guard.enable_updated_at('plain', 'body');
SELECT db_guard.enable_updated_at('plain', 'ctid');
SELECT db_guard.enable_updated_at('plain', clock => 'sun');
SELECT db_guard.enable_updated_at('plain', explicit_values => NULL);
SELECT db_guard.enable_row_version('plain', 'updated_at');
SELECT db_guard.enable_created_by('plain', 'id');
SELECT db_guard.enable_soft_delete('plain', 'body');
SELECT db_guard.enable_updated_at('missing');
SELECT db_guard.enable_updated_at(0);
SELECT db_guard.add_standard_columns(NULL);
CREATE VIEW seen AS SELECT * FROM plain;
SELECT db_guard.enable_updated_at('seen');
SELECT db_guard.enable_updated_at('pg_class', 'relname');
SELECT db_guard.disable_updated_at('seen');
DROP VIEW seen;
SELECT db_guard.disable_updated_at('plain') AS nothing_there;
CREATE TABLE odd (id integer GENERATED ALWAYS AS IDENTITY, t timestamptz, gone timestamptz NOT NULL DEFAULT now(),
                  twice timestamp GENERATED ALWAYS AS (timezone('UTC', t)) STORED);
SELECT db_guard.enable_updated_at('odd', 'twice');
SELECT db_guard.enable_row_version('odd', 'id');
SELECT db_guard.enable_soft_delete('odd', 'gone');
-- Fields for clients.
DO $$
DECLARE code text; s text; t text; c text;
BEGIN
    PERFORM db_guard.enable_updated_at('installs.plain', 'body');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, s = SCHEMA_NAME, t = TABLE_NAME, c = COLUMN_NAME;
    RAISE NOTICE '% % % %', code, s, t, c;
END $$;

-- Only the owner.
CREATE ROLE install_owner;
CREATE ROLE install_other;
GRANT USAGE, CREATE ON SCHEMA installs TO install_owner, install_other;
SET ROLE install_owner;
CREATE TABLE owned (id integer, updated_at timestamptz, deleted_at timestamptz);
GRANT ALL ON owned TO install_other;
SELECT db_guard.enable_updated_at('owned');
SET ROLE install_other;
SELECT db_guard.enable_updated_at('owned');
SELECT db_guard.disable_updated_at('owned');
SELECT db_guard.add_standard_columns('owned');
INSERT INTO owned VALUES (1);
UPDATE owned SET id = 2 RETURNING updated_at IS NOT NULL AS stamped;
SET ROLE install_owner;
SELECT db_guard.disable_updated_at('owned');
RESET ROLE;

-- Hostile names, other triggers with the name we would take, and another search_path.
CREATE SCHEMA "s'; DROP SCHEMA installs; --";
CREATE TABLE "s'; DROP SCHEMA installs; --"."t"" %I $1 \" ("c'; %s \ ""x" timestamptz, id integer);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER zzz_db_guard_updated_at BEFORE UPDATE ON "s'; DROP SCHEMA installs; --"."t"" %I $1 \" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE FUNCTION pg_temp.format(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'DROP SCHEMA installs CASCADE' $$;
SET search_path = pg_temp, installs, pg_catalog;
SELECT db_guard.enable_updated_at('"s''; DROP SCHEMA installs; --"."t"" %I $1 \"', E'c''; %s \\ "x');
SET search_path = installs;
SELECT target, column_name, trigger_name FROM db_guard.managed_tables WHERE schema_name LIKE 's%' ORDER BY 1, 3;
INSERT INTO "s'; DROP SCHEMA installs; --"."t"" %I $1 \" VALUES (NULL, 1);
UPDATE "s'; DROP SCHEMA installs; --"."t"" %I $1 \" SET id = 2 RETURNING "c'; %s \ ""x" IS NOT NULL AS stamped;
SELECT db_guard.disable_updated_at('"s''; DROP SCHEMA installs; --"."t"" %I $1 \"', E'c''; %s \\ "x');

-- Trap: an index on the column ends HOT updates.
CREATE INDEX plain_key ON plain (updated_at);
CREATE INDEX plain_include ON plain (id) INCLUDE (updated_at);
CREATE INDEX plain_expression ON plain (date_trunc('day', updated_at AT TIME ZONE 'UTC'));
CREATE INDEX plain_predicate ON plain (id) WHERE updated_at > '2020-01-01';
CREATE INDEX plain_other ON plain (body);
SELECT db_guard.enable_updated_at('plain');
DROP INDEX plain_key, plain_include, plain_expression, plain_predicate;
SELECT db_guard.enable_updated_at('plain', clock => 'wall');
SELECT db_guard.enable_updated_at('plain');

-- Trap: the column is renamed. The triggers follow, with what they were told.
SELECT db_guard.enable_updated_at('plain', clock => 'wall', explicit_values => 'honour');
SELECT db_guard.enable_row_version('plain'), db_guard.enable_created_by('plain'), db_guard.enable_soft_delete('plain');
ALTER TABLE plain ENABLE ALWAYS TRIGGER zzz_db_guard_updated_at;
SET db_guard.mode = off;
ALTER TABLE plain RENAME COLUMN updated_at TO "changed'at";
ALTER TABLE plain RENAME version TO v;
ALTER TABLE plain RENAME created_by TO maker;
ALTER TABLE plain RENAME deleted_at TO "del""at";
ALTER TABLE plain RENAME body TO text;
SELECT feature, column_name, options, trigger_name, enabled FROM db_guard.managed_tables WHERE target = 'plain'::regclass ORDER BY 1;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'plain'::regclass AND tgenabled <> 'O';
INSERT INTO plain (id) VALUES (1);
UPDATE plain SET text = 'x' RETURNING "changed'at" IS NOT NULL AS stamped, v, maker = current_user AS maker;
DELETE FROM plain;
SELECT id, "del""at" IS NOT NULL AS deleted FROM plain;
-- It is dropped: the triggers go, too.
ALTER TABLE plain DROP COLUMN "changed'at", DROP COLUMN v;
ALTER TABLE plain DROP COLUMN "del""at";
ALTER TABLE plain DROP COLUMN maker;
ALTER TABLE plain DROP COLUMN maker CASCADE;
SELECT count(*) FROM db_guard.managed_tables WHERE target = 'plain'::regclass;
DELETE FROM plain;
SELECT count(*) FROM plain;
TRUNCATE plain;
-- Behind our back.
ALTER TABLE plain ADD COLUMN updated_at timestamptz, ADD COLUMN note text;
SELECT db_guard.enable_updated_at('plain');
SET session_replication_role = replica;
ALTER TABLE plain RENAME updated_at TO touched;
RESET session_replication_role;
INSERT INTO plain (id) VALUES (1);
UPDATE plain SET note = 'x';
DROP TRIGGER zzz_db_guard_updated_at ON plain;
SELECT db_guard.enable_updated_at('plain', 'touched');
UPDATE plain SET note = 'x' RETURNING touched IS NOT NULL AS stamped;
RESET db_guard.mode;

-- Partitioned tables.
CREATE TABLE parts (id integer, part integer, updated_at timestamptz, version bigint DEFAULT 1, deleted_at timestamptz) PARTITION BY LIST (part);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1) PARTITION BY RANGE (id);
CREATE TABLE part_1_a PARTITION OF part_1 FOR VALUES FROM (0) TO (100);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES IN (2);
SELECT db_guard.enable_updated_at('part_2'), db_guard.enable_row_version('part_2'), db_guard.enable_soft_delete('part_2');
SELECT db_guard.enable_updated_at('parts'), db_guard.enable_row_version('parts'), db_guard.enable_soft_delete('parts');
SELECT db_guard.enable_updated_at('part_1_a') AS has_it_already;
SELECT db_guard.enable_updated_at('part_1_a', clock => 'wall');
SELECT db_guard.disable_updated_at('part_1_a');
-- With its columns in another order, and triggers of its own.
CREATE TABLE part_3 (version bigint, gone integer, deleted_at timestamptz, updated_at timestamptz, part integer, id integer);
ALTER TABLE part_3 DROP COLUMN gone;
SELECT db_guard.enable_updated_at('part_3'), db_guard.enable_row_version('part_3'), db_guard.enable_soft_delete('part_3');
ALTER TABLE parts ATTACH PARTITION part_3 FOR VALUES IN (3);
SELECT target, feature, inherited FROM db_guard.managed_tables WHERE table_name LIKE 'part%' ORDER BY target::text, feature, inherited;
INSERT INTO parts VALUES (1, 1), (2, 2), (3, 3);
-- Where two triggers do the same, one of them does it.
UPDATE parts SET id = id + 1 RETURNING tableoid::regclass, id, updated_at = now() AS now, version;
DELETE FROM parts RETURNING tableoid::regclass, id;
SELECT tableoid::regclass, id, deleted_at = updated_at AS no, deleted_at IS NOT NULL AS deleted FROM parts ORDER BY 1, 2;
UPDATE part_1_a SET deleted_at = NULL;
-- Trap: a row that moves to another partition is deleted and inserted; soft delete must not keep it twice.
UPDATE parts SET part = 2 WHERE part = 1 RETURNING tableoid::regclass;
UPDATE parts SET part = 1 WHERE part = 3 RETURNING tableoid::regclass, deleted_at IS NOT NULL AS still_deleted;
SELECT tableoid::regclass, id, deleted_at IS NOT NULL AS deleted FROM parts ORDER BY 1, 2;
SELECT db_guard.disable_updated_at('parts'), db_guard.disable_row_version('parts'), db_guard.disable_soft_delete('parts');
SELECT target, feature, inherited FROM db_guard.managed_tables WHERE table_name LIKE 'part%' ORDER BY target::text, feature;
CREATE TABLE by_mark (id integer, deleted_at timestamptz) PARTITION BY RANGE (deleted_at);
SELECT db_guard.enable_soft_delete('by_mark');

-- The standard columns, on a table that has rows and some of them, without a rewrite.
CREATE TABLE standard (id integer, updated_at timestamptz);
INSERT INTO standard SELECT g FROM generate_series(1, 3) g;
SELECT pg_relation_filenode('standard') AS before \gset
SELECT db_guard.add_standard_columns('standard'), db_guard.add_standard_columns('standard') AS again;
SELECT pg_relation_filenode('standard') = :before AS not_rewritten;
\d standard
SELECT id, created_at IS NOT NULL AS created, updated_at, deleted_at, created_by FROM standard;
INSERT INTO standard VALUES (4);
SELECT id, created_at IS NOT NULL AS created, created_by = current_user AS made FROM standard WHERE id = 4;
CREATE TABLE standard_parts (id integer) PARTITION BY RANGE (id);
CREATE TABLE standard_part PARTITION OF standard_parts DEFAULT;
SELECT db_guard.add_standard_columns('standard_parts');
INSERT INTO standard_parts VALUES (1);
UPDATE standard_parts SET id = 2 RETURNING updated_at = now() AS stamped;
DELETE FROM standard_parts;
SELECT id, deleted_at IS NOT NULL AS deleted FROM standard_parts;
CREATE TEMP TABLE passing (id integer);
SELECT db_guard.add_standard_columns('passing');

SET client_min_messages = warning;
DROP SCHEMA installs, "s'; DROP SCHEMA installs; --" CASCADE;
DROP ROLE install_owner, install_other;
