-- Findings that are known: the same on the same statement is told no more.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA baseline;
CREATE SCHEMA other;
CREATE TABLE baseline.t (id integer, a integer, b integer, "C" integer);
CREATE TABLE other.t (id integer, a integer);
INSERT INTO baseline.t SELECT g, g, g, g FROM generate_series(1, 1000) g;
INSERT INTO other.t SELECT g, g FROM generate_series(1, 1000) g;
\c -
SELECT db_guard.is_judging();
SET db_guard.small_table_size = 0;
-- Not about how things are declared.
SET db_guard.policy_packs = '';
\set SHOW_CONTEXT never
\set VERBOSITY terse

SELECT db_guard.baseline($$
  CREATE TABLE baseline.made (id integer);
  -- a table of this script: nothing to record
  ALTER TABLE baseline.made RENAME COLUMN id TO key;
  ALTER  TABLE Baseline.t   /* now */
    DROP COLUMN a;
  ALTER TABLE baseline.t DROP COLUMN "C", ALTER COLUMN b SET NOT NULL;
  ALTER TABLE baseline.missing DROP COLUMN a;
  SELECT 1;
  nonsense;
$$, 'migrations up to 2024');
SELECT rule, object, statement, reason, expires, author = session_user AS mine
  FROM db_guard.rule_baseline ORDER BY statement, rule;

-- The layout does not matter, but anything else does.
BEGIN;
alter table baseline.T
  drop column A -- as agreed
  ;
SELECT outcome, findings -> 0 ->> 'rule' AS rule, findings -> 0 ->> 'severity' AS severity,
       findings -> 0 ->> 'default_severity' AS default_severity, findings -> 0 ->> 'policy' AS policy,
       findings -> 0 ->> 'policy_reason' AS reason
  FROM db_guard.ddl_log WHERE object = 'baseline.t' ORDER BY id DESC LIMIT 1;
ROLLBACK;
BEGIN;
ALTER TABLE baseline.t DROP COLUMN "C", ALTER COLUMN b SET NOT NULL;
ROLLBACK;
ALTER TABLE baseline.t DROP COLUMN b;
ALTER TABLE baseline.t DROP COLUMN a CASCADE;
ALTER TABLE baseline.t DROP COLUMN "c";
ALTER TABLE baseline.t ALTER COLUMN b SET NOT NULL, DROP COLUMN "C";
ALTER TABLE other.t DROP COLUMN a;
-- The object counts, not only how the statement names it.
BEGIN;
SET LOCAL search_path = baseline;
SELECT db_guard.baseline('ALTER TABLE t DROP COLUMN a');
ALTER TABLE t DROP COLUMN a;
SET LOCAL search_path = other;
ALTER TABLE t DROP COLUMN a;
ROLLBACK;
-- Statements inside bodies are statements.
DO $$ BEGIN
  ALTER TABLE baseline.t DROP COLUMN a;
  RAISE EXCEPTION 'dropped';
END $$;
-- One of several statements in a string.
BEGIN\; ALTER TABLE baseline.t DROP COLUMN a\; ROLLBACK;
-- New findings on a known statement are told: the table was small then.
BEGIN;
DELETE FROM db_guard.rule_baseline WHERE rule = 'set-not-null';
ALTER TABLE baseline.t DROP COLUMN "C", ALTER COLUMN b SET NOT NULL;
ROLLBACK;
-- It goes before what set_rule says.
BEGIN;
SELECT db_guard.set_rule('all', 'block', 'baseline', 't');
ALTER TABLE baseline.t DROP COLUMN a;
ROLLBACK;
-- Recording again replaces reason and end; what has ended counts as new.
SELECT db_guard.baseline('ALTER TABLE baseline.t DROP COLUMN a', 'again', 'infinity');
SELECT statement, reason, expires FROM db_guard.rule_baseline WHERE expires IS NOT NULL;
UPDATE db_guard.rule_baseline SET expires = now() WHERE expires IS NOT NULL;
ALTER TABLE baseline.t DROP COLUMN a;
-- Not read with other rules for backslashes than those of its record; the guard's own queries are.
SELECT db_guard.baseline('ALTER TABLE baseline.t DROP COLUMN a');
BEGIN;
SET LOCAL standard_conforming_strings = off;
ALTER TABLE baseline.t DROP COLUMN a;
ROLLBACK;
-- Equal fingerprints are not enough.
UPDATE db_guard.rule_baseline SET statement = statement || ' cascade';
ALTER TABLE baseline.t DROP COLUMN a;
UPDATE db_guard.rule_baseline SET statement = left(statement, -8), object = 'baseline.u';
ALTER TABLE baseline.t DROP COLUMN a;
UPDATE db_guard.rule_baseline SET object = 'baseline.t';
BEGIN;
ALTER TABLE baseline.t DROP COLUMN a;
ROLLBACK;
SELECT db_guard.baseline(NULL), db_guard.baseline(''), db_guard.baseline('nonsense');
TRUNCATE db_guard.rule_baseline;
ALTER TABLE baseline.t DROP COLUMN a;
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA baseline CASCADE;
DROP SCHEMA other CASCADE;
