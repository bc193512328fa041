-- What chooses among the packs, and what becomes of their notes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA chosen;
SET search_path = chosen;
SELECT db_guard.is_judging();

-- By default no pack holds; the notes of those that do go to the log alone.
SHOW db_guard.policy_packs;
SELECT guarded, replace(what_to_do, current_database(), 'this') AS what_to_do FROM db_guard.coverage WHERE command_class LIKE '%how they are written';
CREATE TABLE client (id serial PRIMARY KEY, note varchar(20));
SET db_guard.policy_packs = 'all';
SELECT guarded, replace(what_to_do, current_database(), 'this') AS what_to_do FROM db_guard.coverage WHERE command_class LIKE '%how they are written';
CREATE TABLE customer (id serial PRIMARY KEY, note varchar(20));
SELECT outcome, f ->> 'severity' AS severity, f ->> 'rule' AS rule, f ->> 'message' AS message
  FROM db_guard.ddl_log, jsonb_array_elements(findings) f WHERE object IN ('chosen.client', 'chosen.customer');
SET db_guard.show_notes = on;
SET db_guard.policy_packs = 'names';
CREATE TABLE employee (id serial PRIMARY KEY, note varchar(20));
SET db_guard.policy_packs = '';
CREATE TABLE department (id serial PRIMARY KEY, note varchar(20));
-- Nothing is heard of an allowed note. It is in the log as ever, and nobody's leave was needed.
SET db_guard.policy_packs = 'data-types';
SET db_guard.allow = 'key-type';
CREATE TABLE supplier (id serial PRIMARY KEY, note varchar(20));
SET db_guard.mode = log;
CREATE TABLE vendor (id serial PRIMARY KEY, note varchar(20));
SET db_guard.mode = off;
CREATE TABLE partner (id serial PRIMARY KEY, note varchar(20));
RESET db_guard.mode;
RESET db_guard.allow;
SELECT object, outcome, jsonb_path_query_array(findings, '$[*].rule') AS rules
  FROM db_guard.ddl_log WHERE command_tag = 'CREATE TABLE' AND object LIKE 'chosen.%' ORDER BY id;
-- The linter says it by the same choices.
SET db_guard.policy_packs = 'data-types';
SET db_guard.key_type = 'any';
SELECT statement, line, rule, severity, object, message, safe_sql FROM db_guard.check_sql($$
  CREATE TABLE chosen.made (id serial PRIMARY KEY, note /* short */ varchar(20));
  CREATE TEMPORARY TABLE gone (id serial);
  ALTER TABLE chosen.made ADD COLUMN price float;
  ALTER TABLE chosen.customer ALTER COLUMN note TYPE varchar(30);
  ALTER TABLE gone ADD COLUMN price float;
  DO $do$ BEGIN CREATE TABLE inner1 (at timestamp); END $do$;
$$);
SET db_guard.policy_packs = '';
SELECT count(*) FROM db_guard.check_sql('CREATE TABLE chosen.made (id serial PRIMARY KEY)');
-- And set_rule makes more of a note, or nothing.
SET db_guard.policy_packs = 'data-types';
SELECT db_guard.set_rule('prefer-text', 'block', 'chosen');
SELECT db_guard.set_rule('prefer-identity', 'off');
CREATE TABLE chosen.refused (id serial, note varchar(20));
CREATE TABLE refused (id serial, note varchar(20));
SELECT severity FROM db_guard.check_sql('CREATE TABLE refused (note varchar(20))');
CREATE TABLE public.passed (id uuid PRIMARY KEY, note varchar(20));
DROP TABLE public.passed;
SELECT db_guard.unset_rule('prefer-text', 'chosen');
SELECT db_guard.unset_rule('prefer-identity');
SELECT db_guard.set_rule('enum-type', 'block', 'chosen');
CREATE TYPE mood AS ENUM ('sad');
SELECT db_guard.unset_rule('enum-type', 'chosen');
-- A note stands beside what blocks and does not get into its message.
\c -
SET search_path = chosen;
SET db_guard.policy_packs = 'all';
SET db_guard.show_notes = on;
SET db_guard.small_table_size = 0;
INSERT INTO customer SELECT;
ALTER TABLE customer ADD COLUMN name varchar(20), DROP COLUMN note;
ALTER TABLE customer ADD COLUMN name varchar(20);

-- Typing errors.
SET db_guard.policy_packs = 'data-types, name';
SET db_guard.policy_packs = 'everything';
SET db_guard.key_type = 'int';
SET db_guard.table_names = 'plurals';
SET db_guard.policy_pack = 'names';
-- Whoever must obey them cannot change them.
CREATE ROLE regress_db_guard_maker;
SET ROLE regress_db_guard_maker;
SET db_guard.policy_packs = '';
SET db_guard.key_type = 'any';
SET db_guard.standard_columns = '';
SET db_guard.table_names = 'any';
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA chosen CASCADE;
DROP ROLE regress_db_guard_maker;
