-- What bad input gets, and who is refused what.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET db_guard.mode = off;
CREATE SCHEMA messages;
SET search_path = messages;
CREATE VIEW v AS SELECT 1 AS a;
CREATE TEMP TABLE temporary (id integer);
CREATE UNLOGGED TABLE unlogged (id integer);
CREATE TABLE parted (id integer) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE base (id integer);
CREATE TABLE heir () INHERITS (base);
CREATE TABLE t (id integer PRIMARY KEY, v integer, "V" integer);
SELECT db_guard.enable_audit('v');
SELECT db_guard.enable_audit('temporary');
SELECT db_guard.enable_audit('unlogged');
SELECT db_guard.enable_audit('part');
SELECT db_guard.enable_audit('base');
SELECT db_guard.enable_audit('heir');
SELECT db_guard.enable_audit('pg_catalog.pg_class');
SELECT db_guard.enable_audit('db_guard.rule_policy');
SELECT db_guard.enable_audit('t', '{missing}');
SELECT db_guard.enable_audit('t', '{id}');
SELECT db_guard.enable_audit('t', redact_columns => '{NULL}');
SELECT db_guard.enable_audit(NULL);
SELECT db_guard.enable_audit(0);
SELECT * FROM db_guard.audit_as_of(NULL::t, now());
SELECT db_guard.baseline_audit('t');
SELECT * FROM db_guard.audit_as_of(1, now());
SELECT db_guard.enable_audit('t');
SELECT * FROM db_guard.audit_as_of(NULL::t, '2001-01-01');
SELECT count(*) FROM db_guard.audit_as_of(NULL::t, NULL);
SELECT * FROM db_guard.audit_history('t', '{}');
SELECT * FROM db_guard.audit_history('t', '[]');
SELECT * FROM db_guard.audit_history('t', '{"v": 1}');
SELECT * FROM db_guard.audit_history('t', '{"nope": 1}');
SELECT * FROM db_guard.audit_history('t', '{"id": "x"}');
SELECT count(*) FROM db_guard.audit_history('t', '{"id": 1}');
SELECT db_guard.revert_change(1);
SELECT db_guard.revert_transaction('1');
SELECT db_guard.prune_audit('-1 day');
CREATE FUNCTION not_a_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
-- A table alone in another database: its triggers know a number that nobody there does.
CREATE TABLE stray (id integer);
CREATE TRIGGER db_guard_audit_insert AFTER INSERT ON stray REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION db_guard.audit_statement('999999');
INSERT INTO stray VALUES (1);
SELECT db_guard.enable_audit('stray');
INSERT INTO stray VALUES (1);
-- Too large to be read under a lock.
SET db_guard.small_table_size = 0;
CREATE TABLE large (id integer PRIMARY KEY, v integer);
INSERT INTO large SELECT g, g FROM generate_series(1, 100) g;
SELECT db_guard.enable_audit('large');
UPDATE large SET v = 0 WHERE id = 1;
\set VERBOSITY terse
SELECT count(*) FROM db_guard.audit_as_of(NULL::large, 'infinity');
\set VERBOSITY default
BEGIN;
LOCK TABLE large IN SHARE ROW EXCLUSIVE MODE;
SELECT db_guard.baseline_audit('large');
ROLLBACK;
SELECT db_guard.baseline_audit('large');
SELECT count(*), sum(v) FROM db_guard.audit_as_of(NULL::large, 'infinity');
RESET db_guard.small_table_size;

-- Somebody else's table, and somebody else's log.
CREATE ROLE regress_audit_owner;
CREATE ROLE regress_audit_other;
CREATE ROLE regress_audit_reader;
GRANT ALL ON SCHEMA messages TO regress_audit_owner, regress_audit_other, regress_audit_reader;
GRANT SELECT ON db_guard.audit_log TO regress_audit_reader;
CREATE TABLE owned (id integer PRIMARY KEY, v text);
ALTER TABLE owned OWNER TO regress_audit_owner;
GRANT INSERT, UPDATE, SELECT ON owned TO regress_audit_other;
SET ROLE regress_audit_other;
SELECT db_guard.enable_audit('owned');
SET ROLE regress_audit_owner;
SELECT db_guard.enable_audit('owned');
SET ROLE regress_audit_other;
INSERT INTO owned VALUES (1, 'by another');
UPDATE owned SET v = 'changed';
SELECT db_guard.disable_audit('owned');
SELECT db_guard.baseline_audit('owned');
SELECT * FROM db_guard.audit_history('owned', '{"id": 1}');
SELECT * FROM db_guard.audit_as_of(NULL::owned, now());
SELECT * FROM db_guard.audit_entries('owned');
SELECT * FROM db_guard.audit_log;
SELECT * FROM db_guard.audit_event;
SELECT * FROM db_guard.audit_transaction;
SELECT * FROM db_guard.audited_table;
SELECT * FROM db_guard.audit_shape;
SELECT * FROM db_guard.audit_mark;
SELECT * FROM db_guard.audit_seal;
INSERT INTO db_guard.audit_event VALUES (1, 1, 1, 'I', '');
UPDATE db_guard.audit_event SET op = 'D';
DELETE FROM db_guard.audit_event;
TRUNCATE db_guard.audit_event;
DELETE FROM db_guard.audit_transaction;
UPDATE db_guard.audited_table SET redact_columns = '{}';
SELECT nextval('db_guard.audit_clock');
SELECT setval('db_guard.audit_clock', 1);
SELECT db_guard.prune_audit('1 day');
SELECT db_guard.seal_audit();
SELECT db_guard.verify_audit();
SELECT db_guard.make_audit_partitions();
SELECT db_guard.audit_digest('', '1', '2', 1, 2);
SELECT db_guard.audit_command('\x00');
DROP TRIGGER db_guard_audit_insert ON owned;
CREATE TABLE mine (id integer);
CREATE TRIGGER forged AFTER INSERT ON mine REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION db_guard.audit_statement('1');
CREATE TRIGGER forged AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION db_guard.audit_row('1');
CREATE TRIGGER forged BEFORE TRUNCATE ON mine FOR EACH STATEMENT EXECUTE FUNCTION db_guard.audit_truncate('1');
SELECT count(*) FROM pg_class c WHERE relnamespace = 'db_guard'::regnamespace AND relname LIKE 'audit\_%\_2%'
   AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE');
SET ROLE regress_audit_owner;
SELECT op, actor, old, new FROM db_guard.audit_history('owned', '{"id": 1}');
SELECT * FROM db_guard.audit_as_of(NULL::owned, 'infinity');
SELECT * FROM db_guard.audit_log;
SET ROLE regress_audit_reader;
SELECT op, role_name, old, new FROM db_guard.audit_log WHERE table_name = 'owned' ORDER BY audit_id;
SELECT * FROM db_guard.audit_event;
-- Reverting is writing: it takes the right to write.
SELECT audit_id FROM db_guard.audit_log WHERE table_name = 'owned' ORDER BY audit_id DESC LIMIT 1 \gset
SELECT db_guard.revert_change(:audit_id);
SET ROLE regress_audit_owner;
SELECT db_guard.revert_change(:audit_id);
TABLE owned;
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA messages CASCADE;
DROP TABLE temporary;
REVOKE SELECT ON db_guard.audit_log FROM regress_audit_reader;
DROP ROLE regress_audit_owner, regress_audit_other, regress_audit_reader;
