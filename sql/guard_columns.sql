-- Adding and changing columns: what is said, what is proposed, and where nothing is.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA columns;
SET search_path = columns;
CREATE DOMAIN percentage AS numeric CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN "Rebate" AS percentage NOT NULL CHECK (VALUE <> 13 AND 'VALUE' <> '');
CREATE DOMAIN label AS varchar(20) COLLATE "C";
CREATE TABLE users (id bigint PRIMARY KEY);
INSERT INTO users SELECT generate_series(1, 1000);
CREATE TABLE "Orders" (id bigint PRIMARY KEY, "Net" numeric(12, 4), code varchar(50), day timestamp(3),
  name text NOT NULL DEFAULT 'nobody', note text);
INSERT INTO "Orders" SELECT g, g / 8.0, 'c' || g, timestamp '2020-01-01' + g * interval '1.5 s' FROM generate_series(1, 1000) g;
CREATE TABLE parts (id bigint, kind integer, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (501);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (501) TO (2000);
INSERT INTO parts SELECT g, g FROM generate_series(1, 1000) g;
CREATE TABLE empty (id bigint, total integer NOT NULL DEFAULT 0);
CREATE UNLOGGED TABLE imports (id bigint PRIMARY KEY, line text);
INSERT INTO imports SELECT g, g FROM generate_series(1, 1000) g;
ANALYZE users, "Orders", parts, imports;
\c -
-- Not on the search path: steps name what they change in full.
SET db_guard.small_table_size = 0;
SET db_guard.show_notes = on;
-- Not about how things are declared.
SET db_guard.policy_packs = '';
\set SHOW_CONTEXT never

-- CHECK: its text survives, and so does what is harmless.
ALTER TABLE columns."Orders" ADD COLUMN IF NOT EXISTS "Discount" integer NOT NULL /* none */ DEFAULT 0
  CONSTRAINT "not negative" CHECK ("Discount" >= 0 /* at least */ AND "Discount" <> 13) -- bad luck
;
ALTER TABLE columns."Orders" ADD a text COLLATE "C" CHECK (a <> 'CHECK (')  , ADD b integer;
-- Domains: what they are made of, and what they ask.
ALTER TABLE columns."Orders" ADD COLUMN rebate columns.percentage DEFAULT 5;
ALTER TABLE columns."Orders" ADD COLUMN rebate columns."Rebate";
ALTER TABLE columns."Orders" ADD COLUMN tag columns.label;
-- Foreign keys: a note while there is nothing to check.
ALTER TABLE columns."Orders" ADD COLUMN user_id bigint DEFAULT 1 REFERENCES columns.users ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE columns.parts ADD COLUMN user_id bigint DEFAULT 1 REFERENCES columns.users;
BEGIN;
ALTER TABLE columns."Orders" ADD COLUMN user_id bigint REFERENCES columns.users;
ROLLBACK;
-- Generated columns.
ALTER TABLE columns."Orders" ADD COLUMN gross numeric(12, 2) GENERATED ALWAYS AS ("Net" * 1.19) STORED;
-- What belongs to the column comes with it.
ALTER TABLE columns."Orders" ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 10) UNIQUE;
ALTER TABLE columns."Orders" ADD COLUMN token text COMPRESSION pglz COLLATE "C" DEFAULT gen_random_uuid()::text
  CHECK (token <> '') UNIQUE DEFERRABLE INITIALLY DEFERRED;
-- Types: what does not fit is looked for.
ALTER TABLE columns."Orders" ALTER COLUMN "Net" TYPE numeric(12, 2);
ALTER TABLE columns."Orders" ALTER COLUMN "Net" TYPE numeric(6, 4);
ALTER TABLE columns."Orders" ALTER COLUMN code TYPE varchar(3);
ALTER TABLE columns."Orders" ALTER COLUMN code TYPE integer USING code::integer;
ALTER TABLE columns."Orders" ALTER COLUMN note TYPE columns."Rebate" USING '13'::numeric;
SET db_guard.mode = warn;
\set VERBOSITY terse
BEGIN;
ALTER TABLE columns."Orders" ALTER COLUMN code TYPE varchar(10);
ALTER TABLE columns."Orders" ALTER COLUMN day TYPE date;
ALTER TABLE columns."Orders" ALTER COLUMN id TYPE integer;
ALTER TABLE columns."Orders" ALTER COLUMN id TYPE bigint;
ALTER TABLE columns."Orders" ALTER COLUMN id TYPE numeric;
ALTER TABLE columns."Orders" ALTER COLUMN id TYPE double precision;
ALTER TABLE columns."Orders" ALTER COLUMN "Net" TYPE numeric(14, 5);
ROLLBACK;
\set VERBOSITY default
SET db_guard.mode = block;
-- Notes.
BEGIN;
ALTER TABLE columns."Orders" ALTER COLUMN code TYPE text USING code /* as it is */;
ALTER TABLE columns."Orders" ALTER COLUMN code TYPE text;
ALTER TABLE columns."Orders" ADD COLUMN IF NOT EXISTS note text;
ALTER TABLE columns."Orders" ALTER COLUMN id SET NOT NULL;
ALTER TABLE columns."Orders" ADD COLUMN details json;
ALTER TABLE columns."Orders" ALTER COLUMN name DROP DEFAULT;
ALTER TABLE columns."Orders" ALTER COLUMN note SET DEFAULT clock_timestamp()::text;
ALTER TABLE columns."Orders" ALTER COLUMN name DROP NOT NULL;
ALTER TABLE columns."Orders" ALTER COLUMN note SET STORAGE EXTERNAL;
ROLLBACK;
-- Storage.
ALTER TABLE columns."Orders" SET UNLOGGED;
ALTER TABLE columns.imports SET LOGGED;
-- Nothing to say.
BEGIN;
ALTER TABLE columns."Orders" ADD COLUMN details jsonb DEFAULT '{}' NOT NULL;
ALTER TABLE columns."Orders" ALTER COLUMN name SET DEFAULT 'somebody';
ALTER TABLE columns."Orders" ALTER COLUMN note SET DEFAULT now()::text;
ALTER TABLE columns."Orders" ALTER COLUMN note DROP DEFAULT;
ALTER TABLE columns."Orders" ALTER COLUMN note DROP NOT NULL;
ROLLBACK;
BEGIN;
ALTER TABLE columns.imports SET UNLOGGED;
ROLLBACK;
BEGIN;
ALTER TABLE columns.empty ADD COLUMN total_2 integer CHECK (total_2 > 0), ADD COLUMN s integer GENERATED ALWAYS AS (total) STORED;
ALTER TABLE columns.empty ALTER COLUMN total TYPE smallint;
ROLLBACK;
SET db_guard.small_table_size = '10MB';
ALTER TABLE columns."Orders" ADD COLUMN a text CHECK (a <> '');
-- But values that would change are worth a word at any size.
ALTER TABLE columns."Orders" ALTER COLUMN day TYPE timestamp(0);
-- The steps of a hint, as printed.
SET db_guard.small_table_size = 0;
ALTER TABLE columns."Orders" ADD COLUMN rebate numeric DEFAULT 5;
ALTER TABLE columns."Orders" ADD CONSTRAINT "Orders_rebate_check" CHECK (((rebate >= (0)::numeric) AND (rebate <= (100)::numeric))) NOT VALID;
ALTER TABLE columns."Orders" VALIDATE CONSTRAINT "Orders_rebate_check";
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA columns CASCADE;
