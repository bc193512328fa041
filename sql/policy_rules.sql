-- What set_rule makes of findings.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA policy;
CREATE SCHEMA "Policy_2";
CREATE TABLE policy.t (id integer, a integer, b integer, c integer);
CREATE TABLE policy.tmp_1 (id integer, a integer);
CREATE TABLE "Policy_2"."T" (id integer, a integer);
INSERT INTO policy.t SELECT g, g, g, g FROM generate_series(1, 1000) g;
INSERT INTO policy.tmp_1 SELECT g, g FROM generate_series(1, 1000) g;
INSERT INTO "Policy_2"."T" SELECT g, g FROM generate_series(1, 1000) g;
\c -
SELECT db_guard.is_judging();
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never

-- What makes no sense.
SELECT db_guard.set_rule('drop-colum', 'warn');
SELECT db_guard.set_rule('indexs', 'warn');
SELECT db_guard.set_rule('', 'warn');
SELECT db_guard.set_rule('nonsense beyond repair', 'warn');
SELECT db_guard.set_rule(NULL, 'warn');
SELECT db_guard.set_rule('drop-column', 'Off');
SELECT db_guard.set_rule('drop-column', NULL);
SELECT db_guard.set_rule('drop-column', 'off', NULL);
SELECT db_guard.set_rule('drop-column', 'off', 'a\');
SELECT db_guard.set_rule('drop-column', 'off', '%', repeat('a', 300));
SELECT db_guard.set_rule('drop-column', 'off', expires => now());
SELECT db_guard.set_rule('drop-column', 'off', expires => '-infinity');
SELECT db_guard.unset_rule('drop-colum');
SELECT db_guard.unset_rule('drop-column');
SELECT db_guard.rule_action('drops');
SELECT db_guard.rule_action(NULL);
SELECT count(*) FROM db_guard.rule_policy;

-- Each action.
ALTER TABLE policy.t DROP COLUMN a;
SELECT db_guard.set_rule('drop-column', 'warn', reason => 'nobody reads these');
BEGIN;
ALTER TABLE policy.t DROP COLUMN a;
ROLLBACK;
SELECT db_guard.set_rule('drop-column', 'note');
SET db_guard.show_notes = on;
BEGIN;
ALTER TABLE policy.t DROP COLUMN a;
ROLLBACK;
RESET db_guard.show_notes;
SELECT db_guard.set_rule('drop-column', 'off', reason => 'ticket 17');
BEGIN;
ALTER TABLE policy.t DROP COLUMN a;
SELECT outcome, allow_reason, findings -> 0 ->> 'rule' AS rule, findings -> 0 ->> 'severity' AS severity,
       findings -> 0 ->> 'default_severity' AS default_severity, findings -> 0 ->> 'policy_reason' AS reason
  FROM db_guard.ddl_log WHERE object = 'policy.t' ORDER BY id DESC LIMIT 1;
ROLLBACK;
-- One entry a place: the newest replaces it.
SELECT rule, schema_pattern, table_pattern, action, reason, expires, author = session_user AS mine
  FROM db_guard.rule_policy;
-- Raising one: a statement that only warns is refused.
\set VERBOSITY terse
SELECT db_guard.unset_rule('drop-column');
SELECT db_guard.set_rule('drops', 'warn');
SELECT db_guard.set_rule('drop-column', 'block', 'policy');
ALTER TABLE policy.t DROP COLUMN a;
BEGIN;
ALTER TABLE "Policy_2"."T" DROP COLUMN a;
ROLLBACK;
-- What was raised can be overridden like any other.
BEGIN;
SET LOCAL db_guard.allow = 'drop-column';
ALTER TABLE policy.t DROP COLUMN a;
ROLLBACK;
-- The mode comes after.
BEGIN;
SET LOCAL db_guard.mode = warn;
ALTER TABLE policy.t DROP COLUMN a;
ROLLBACK;
-- Several findings: each by its own entry, worst first.
\set VERBOSITY default
SELECT db_guard.set_rule('rename-column', 'warn');
SELECT db_guard.set_rule('set-not-null', 'off', 'policy', 't');
SELECT db_guard.set_rule('drop-column', 'warn', 'policy');
ALTER TABLE policy.t DROP COLUMN a, ALTER COLUMN b SET NOT NULL, ALTER COLUMN c TYPE bigint;
\set VERBOSITY terse

-- The most specific wins; see the unit tests for the rest.
TRUNCATE db_guard.rule_policy;
SELECT db_guard.set_rule('all', 'off', 'policy', 't');
SELECT db_guard.set_rule('all', 'note', '%', 't%');
SELECT db_guard.set_rule('drop-column', 'warn', 'policy');
SELECT db_guard.set_rule('%', 'block', 'Policy\_2');
SELECT schema_name, table_name, db_guard.rule_action('drop-column', schema_name, table_name) AS drop_column,
       db_guard.rule_action('set-not-null', schema_name, table_name) AS set_not_null
  FROM (VALUES ('policy', 't'), ('policy', 'tmp_1'), ('policy', 'x'), ('Policy_2', 'T'), ('policyx', 'x'), (NULL, NULL))
       AS place (schema_name, table_name);
SELECT rule, severity, action FROM db_guard.rules WHERE rule IN ('drop-column', 'set-not-null');
SELECT db_guard.set_rule('drops', 'warn');
SELECT rule, severity, action FROM db_guard.rules WHERE rule IN ('drop-column', 'set-not-null');
BEGIN;
ALTER TABLE policy.t DROP COLUMN a;
ALTER TABLE policy.tmp_1 ALTER COLUMN a SET NOT NULL;
ROLLBACK;
ALTER TABLE "Policy_2"."T" DROP COLUMN a;
SELECT db_guard.unset_rule('%', 'Policy\_2'), db_guard.unset_rule('all', 'Policy\_2');

-- Entries that expire stand beside those that do not, and win while they last.
TRUNCATE db_guard.rule_policy;
SELECT db_guard.set_rule('drop-column', 'warn');
SELECT db_guard.set_rule('drop-column', 'off', expires => 'infinity');
SELECT db_guard.rule_action('drop-column');
UPDATE db_guard.rule_policy SET expires = now() - interval '1 day' WHERE expires IS NOT NULL;
SELECT db_guard.rule_action('drop-column');
SELECT db_guard.set_rule('drop-column', 'note', expires => now() + interval '1 hour');
SELECT action, expires > now() AS holds FROM db_guard.rule_policy ORDER BY expires NULLS FIRST;
SELECT db_guard.set_rule('drop-column', 'block');
SELECT action, expires FROM db_guard.rule_policy;
SELECT db_guard.set_rule('drop-column', 'note', expires => now() + interval '1 hour');
SELECT db_guard.unset_rule('drop-column');

-- It holds as soon as it is set, and goes with its transaction.
BEGIN;
SELECT db_guard.set_rule('drop-column', 'off');
ALTER TABLE policy.t DROP COLUMN a;
ROLLBACK;
ALTER TABLE policy.t DROP COLUMN a;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT db_guard.set_rule('drop-column', 'off');
ALTER TABLE policy.t DROP COLUMN a;
ROLLBACK;
DO $$ BEGIN
  PERFORM db_guard.set_rule('drop-column', 'off');
  ALTER TABLE policy.t DROP COLUMN a;
  RAISE EXCEPTION 'dropped';
END $$;
BEGIN READ ONLY;
SELECT db_guard.set_rule('drop-column', 'off');
ROLLBACK;
-- A rewrite that is off at the start of the statement is not refused by the last net.
SELECT db_guard.set_rule('alter-column-type-rewrite', 'off');
BEGIN;
ALTER TABLE policy.t ALTER COLUMN a TYPE bigint;
ROLLBACK;

-- A table that was altered is not read; the rules' own severities hold.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT db_guard.set_rule('drop-column', 'off');
ALTER TABLE db_guard.rule_policy ADD COLUMN x integer;
SET LOCAL client_min_messages = warning;
\set VERBOSITY default
SELECT db_guard.rule_action('drop-column');
ROLLBACK;
TRUNCATE db_guard.rule_policy;
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA policy CASCADE;
DROP SCHEMA "Policy_2" CASCADE;
