-- Traps that others have fallen into, one by one.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET db_guard.mode = off;
CREATE SCHEMA traps;
SET search_path = traps;
CREATE FUNCTION difference(target regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  missing bigint;
  surplus bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT x::text FROM %1$s x EXCEPT ALL SELECT x::text FROM db_guard.audit_as_of(NULL::%1$s, ''infinity'') x) d', target) INTO missing;
  EXECUTE format('SELECT count(*) FROM (SELECT x::text FROM db_guard.audit_as_of(NULL::%1$s, ''infinity'') x EXCEPT ALL SELECT x::text FROM %1$s x) d', target) INTO surplus;
  RETURN missing || ' missing, ' || surplus || ' surplus';
END $$;
CREATE TABLE t (id integer PRIMARY KEY, v integer, s text, j jsonb);
SELECT db_guard.enable_audit('t');

\echo trap: changed twice in one transaction, and deleted after an update
BEGIN;
INSERT INTO t VALUES (1, 1);
UPDATE t SET v = 2 WHERE id = 1;
UPDATE t SET v = 3 WHERE id = 1;
DELETE FROM t WHERE id = 1;
COMMIT;
SELECT op, old -> 'v' AS old, new -> 'v' AS new FROM db_guard.audit_entries('t') ORDER BY audit_id;

\echo trap: index-less insert into the log: an index that somebody makes on it finds every row
SELECT inhrelid::regclass AS part FROM pg_inherits WHERE inhparent = 'db_guard.audit_event'::regclass ORDER BY inhseqno, inhrelid LIMIT 1 \gset
CREATE INDEX on_the_log ON :part (audit_id);
INSERT INTO t SELECT g, g FROM generate_series(1, 2500) g;
UPDATE t SET v = 0 WHERE id = 1;
SET enable_seqscan = off;
SELECT count(*) AS by_index FROM :part WHERE audit_id > 0 \gset
RESET enable_seqscan;
SELECT count(*) = :by_index AS all_found FROM :part;
DROP INDEX db_guard.on_the_log;

\echo trap: json containment taken for equality: a subset and another order are changes
UPDATE t SET j = '[1, 2, 3]' WHERE id = 2;
UPDATE t SET j = '[3, 2]' WHERE id = 2;
SELECT old -> 'j' AS old, new -> 'j' AS new FROM db_guard.audit_entries('t') WHERE key = '{"id": 2}' AND op = 'UPDATE' ORDER BY audit_id;

\echo trap: loose casts overflow: a value comes back as it was
CREATE TABLE exact (id integer PRIMARY KEY, n numeric, f float8, b bytea);
SELECT db_guard.enable_audit('exact');
INSERT INTO exact VALUES (1, 1e40, 0.1::float8 + 0.2, '\x00ff00'), (2, 1.500, '-Infinity', '');
SELECT * FROM db_guard.audit_as_of(NULL::exact, 'infinity') ORDER BY id;

\echo trap: jsonb cannot hold an escaped NUL: what a column of json holds comes back, and can be shown
CREATE TABLE unheard (id integer PRIMARY KEY, j json, t text, many json[]);
SELECT db_guard.enable_audit('unheard');
INSERT INTO unheard VALUES (1, '{"a": "\u0000", "b":  1}', 'plain');
UPDATE unheard SET t = 'other', j = '{"a": "\u0000", "b":  2}', many = ARRAY['1', '"\u0000"']::json[];
SELECT j, t, many FROM db_guard.audit_as_of(NULL::unheard, 'infinity');
SELECT op, new FROM db_guard.audit_entries('unheard') ORDER BY audit_id;
SELECT db_guard.revert_change(max(audit_id)) FROM db_guard.audit_entries('unheard');
SELECT j, t, many FROM unheard;

\echo trap: a number by max() + 1, or metadata looked up for every row: the log and the catalog are not read
CREATE TABLE unread (id integer PRIMARY KEY, v integer);
SELECT db_guard.enable_audit('unread');
INSERT INTO unread SELECT g FROM generate_series(1, 200) g;
CREATE FUNCTION scans(schemas text[]) RETURNS bigint LANGUAGE sql VOLATILE AS
'SELECT sum(seq_scan + coalesce(idx_scan, 0)) FROM pg_stat_xact_all_tables WHERE schemaname = ANY (schemas)';
BEGIN;
DO $$
DECLARE
  catalog bigint := traps.scans('{pg_catalog}');
  log bigint := traps.scans('{db_guard}');
BEGIN
  FOR i IN 1 .. 200 LOOP
    UPDATE traps.unread SET v = i WHERE id = i;
  END LOOP;
  RAISE NOTICE 'log read: %, catalog read for every row: %', traps.scans('{db_guard}') - log, traps.scans('{pg_catalog}') - catalog > 150;
END $$;
COMMIT;
SELECT count(*) FROM db_guard.audit_entries('unread') WHERE op = 'UPDATE';

\echo trap: reading the log of all times: none older than what it is about is looked at
CREATE TABLE db_guard.audit_event_old PARTITION OF db_guard.audit_event FOR VALUES FROM (1) TO (1000);
CREATE FUNCTION old_scans() RETURNS bigint LANGUAGE sql VOLATILE AS
$$SELECT seq_scan FROM pg_stat_xact_all_tables WHERE relid = 'db_guard.audit_event_old'::regclass$$;
BEGIN;
SELECT count(*) FROM db_guard.audit_as_of(NULL::unread, 'infinity');
SELECT digest IS NOT NULL AS sealed FROM db_guard.seal_audit();
SELECT old_scans() AS as_of_and_seal;
SELECT count(*) FROM db_guard.audit_entries('unread') WHERE op = 'INSERT';
SELECT old_scans() AS the_whole_history;
ROLLBACK;
SET db_guard.mode = off;
DROP TABLE db_guard.audit_event_old;
RESET db_guard.mode;

\echo trap: redaction must cover every image
CREATE TABLE people (id integer PRIMARY KEY, name text, card text);
INSERT INTO people VALUES (1, 'before', '4111-baseline');
SELECT db_guard.enable_audit('people', redact_columns => '{card}');
INSERT INTO people VALUES (2, 'a', '4111-insert');
UPDATE people SET card = '4111-update' WHERE id = 2;
UPDATE people SET id = 3, card = '4111-key' WHERE id = 2;
UPDATE people SET card = '4111-last', name = 'b';
DELETE FROM people;
INSERT INTO people VALUES (4, 'c', '4111-truncate');
TRUNCATE people;
SELECT count(*) AS images_with_it FROM db_guard.audit_event WHERE position('4111'::bytea IN payload) > 0;
SELECT op, old, new, changed FROM db_guard.audit_entries('people') ORDER BY audit_id;

\echo trap: TRUNCATE fires no row trigger, and a function for rows fails open for it
CREATE TABLE emptied (id integer PRIMARY KEY);
SELECT db_guard.enable_audit('emptied');
INSERT INTO emptied VALUES (1), (2);
TRUNCATE emptied;
SELECT op, old FROM db_guard.audit_entries('emptied') ORDER BY audit_id;

\echo trap: ordinary triggers are silent under session_replication_role = replica, and none fires twice
SET session_replication_role = replica;
INSERT INTO t VALUES (5001, 1);
UPDATE t SET v = 2 WHERE id = 5001;
DELETE FROM t WHERE id = 5001;
INSERT INTO emptied VALUES (3);
TRUNCATE emptied;
RESET session_replication_role;
SELECT op, key FROM db_guard.audit_entries('t') WHERE key = '{"id": 5001}' ORDER BY audit_id;
SELECT difference('t'), difference('emptied');

\echo trap: rows joined by key lose those whose key has changed, all of them at once
CREATE TABLE shifted (id integer PRIMARY KEY DEFERRABLE, v text);
SELECT db_guard.enable_audit('shifted');
INSERT INTO shifted SELECT g, 'v' || g FROM generate_series(1, 5) g;
UPDATE shifted SET id = id + 1;
SELECT key, old, new FROM db_guard.audit_entries('shifted') WHERE op = 'UPDATE' ORDER BY audit_id;
SELECT difference('shifted');

CREATE TABLE shifted_keys (id integer PRIMARY KEY, v text);
SELECT db_guard.enable_audit('shifted_keys');
INSERT INTO shifted_keys SELECT g, 'v' || g FROM generate_series(1, 5) g;
UPDATE shifted_keys SET id = id - 1;
SELECT key, old, new FROM db_guard.audit_entries('shifted_keys') WHERE op = 'UPDATE' ORDER BY audit_id;
SELECT difference('shifted_keys');

\echo trap: images read in lockstep, when a partition refuses the row that moves to it
CREATE TABLE moved (id integer, k integer, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE moved_1 PARTITION OF moved FOR VALUES IN (1);
CREATE TABLE moved_2 PARTITION OF moved FOR VALUES IN (2);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END';
CREATE TRIGGER refuse BEFORE INSERT ON moved_2 FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT db_guard.enable_audit('moved');
INSERT INTO moved SELECT g, 1 FROM generate_series(1, 4) g;
UPDATE moved SET k = 2 WHERE id > 1;
SELECT op, key, new FROM db_guard.audit_entries('moved') WHERE op <> 'INSERT' OR new ->> 'k' = '2' ORDER BY audit_id;
SELECT difference('moved');

\echo trap: a statement of a trigger is recorded before the statement that fired it
CREATE TABLE nested (id integer PRIMARY KEY, v integer);
CREATE FUNCTION once_more() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN UPDATE nested SET v = v + 100 WHERE id = NEW.id AND v < 100; RETURN NULL; END';
CREATE TRIGGER a_first AFTER INSERT OR UPDATE ON nested FOR EACH ROW EXECUTE FUNCTION once_more();
SELECT db_guard.enable_audit('nested');
INSERT INTO nested SELECT g, g FROM generate_series(1, 3) g;
UPDATE nested SET v = id;
SELECT difference('nested');
SELECT op, old -> 'v' AS old, new -> 'v' AS new FROM db_guard.audit_history('nested', '{"id": 1}');

\echo trap: the time is that of the start of the transaction: a row changed later has a later time
BEGIN;
INSERT INTO t VALUES (6001, 1);
UPDATE t SET v = 2 WHERE id = 6001;
COMMIT;
SELECT bool_and(later) FROM (SELECT at > lag(at) OVER (ORDER BY audit_id) AS later, committed_at >= at AS committed
  FROM db_guard.audit_entries('t') WHERE key = '{"id": 6001}') e;

\echo trap: the definer of a function is taken for who acts
CREATE ROLE regress_audit_clerk;
GRANT USAGE ON SCHEMA traps TO regress_audit_clerk;
CREATE FUNCTION write_for_me() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS 'INSERT INTO traps.t VALUES (7001, 1)';
SET ROLE regress_audit_clerk;
SELECT write_for_me();
RESET ROLE;
SELECT role_name, session_user_name = session_user AS session FROM db_guard.audit_entries('t') WHERE key = '{"id": 7001}';

\echo trap: a setting is taken for who acts: it is kept beside the role, as a claim, and ends with its transaction
BEGIN;
SET LOCAL ROLE regress_audit_clerk;
SET LOCAL db_guard.actor = 'postgres';
SET LOCAL db_guard.context = 'request 1';
SELECT write_for_me() WHERE false;
RESET ROLE;
INSERT INTO t VALUES (8001, 1);
SET LOCAL db_guard.actor = 'another';
INSERT INTO t VALUES (8002, 1);
COMMIT;
INSERT INTO t VALUES (8003, 1);
SELECT key, role_name = current_user AS mine, claimed_actor, context FROM db_guard.audit_entries('t')
 WHERE (key ->> 'id')::integer BETWEEN 8001 AND 8003 ORDER BY audit_id;

\echo trap: an empty search_path breaks the trigger
SET search_path = '';
INSERT INTO traps.t VALUES (9001, 1);
SET search_path = traps;
SELECT count(*) FROM db_guard.audit_entries('t') WHERE key = '{"id": 9001}';

\echo trap: the log moves lastval()
CREATE TABLE counted (id serial PRIMARY KEY);
SELECT db_guard.enable_audit('counted');
INSERT INTO counted DEFAULT VALUES;
SELECT lastval();

\echo trap: DDL drift: a column that comes later is recorded, one that goes is still shown
ALTER TABLE t ADD COLUMN later integer DEFAULT 5;
ALTER TABLE t RENAME COLUMN s TO renamed;
UPDATE t SET later = 6, renamed = 'x' WHERE id = 1;
ALTER TABLE t DROP COLUMN renamed;
SELECT old, new FROM db_guard.audit_entries('t') WHERE changed @> '{later}';
SELECT difference('t');
ALTER TABLE t ALTER COLUMN v TYPE text USING 'v' || v, ADD COLUMN drawn float8 DEFAULT random();
UPDATE t SET v = 'w' WHERE id = 1;
SELECT difference('t');

\echo trap: rows go without a trace: what nobody could record is called a gap
ALTER TABLE t DISABLE TRIGGER db_guard_audit_delete;
DELETE FROM t WHERE id = 10;
ALTER TABLE t ENABLE TRIGGER db_guard_audit_delete;
\set VERBOSITY terse
SELECT difference('t');
\set VERBOSITY default
SELECT db_guard.baseline_audit('t') > 0 AS recorded;
SELECT difference('t');

\echo trap: a look-up that reads the whole log: an index by key, also for rows that have had another
CREATE TABLE found (id integer PRIMARY KEY, v integer);
SELECT db_guard.enable_audit('found');
INSERT INTO found SELECT g, g FROM generate_series(1, 5) g;
SELECT db_guard.create_audit_index() > 0 AS made, db_guard.create_audit_index() AS again;
UPDATE found SET v = 0 WHERE id = 1;
UPDATE found SET id = 10 WHERE id = 1;
SET enable_seqscan = off;
SELECT op, old, new FROM db_guard.audit_history('found', '{"id": 1}');
SELECT op, old, new FROM db_guard.audit_history('found', '{"id": 10}');
RESET enable_seqscan;
-- In bulk, one by one, short and long, and with another index beside it.
CREATE INDEX beside ON :part (transaction);
INSERT INTO found VALUES (20, 20);
DROP INDEX db_guard.beside;
CREATE TABLE long_rows (id text PRIMARY KEY, v text);
SELECT db_guard.enable_audit('long_rows');
INSERT INTO long_rows SELECT repeat(chr(64 + g % 50), g % 700) || g, repeat('v', g) FROM generate_series(1, 2100) g;
INSERT INTO long_rows VALUES ('one', repeat('w', 300));
UPDATE long_rows SET id = id || 'moved' WHERE length(v) > 2000;
SET enable_tidscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_seqscan = off;
SELECT count(*) AS not_in_the_index FROM :part e
 WHERE NOT EXISTS (SELECT FROM :part i WHERE i.ctid = e.ctid
                      AND db_guard.audit_key_hash(i.table_id, i.payload) = db_guard.audit_key_hash(e.table_id, e.payload) + 0);
SELECT count(*) AS moved FROM :part WHERE op = 'M' AND table_id > 0 \gset
RESET enable_seqscan;
RESET enable_hashjoin;
RESET enable_tidscan;
RESET enable_mergejoin;
SELECT count(*) = :moved AS all_moved_found FROM :part WHERE op::text || '' = 'M';
-- The key is another: nothing is found by the hash of the old one.
ALTER TABLE found DROP CONSTRAINT found_pkey, ADD PRIMARY KEY (v);
SELECT op, old, new FROM db_guard.audit_history('found', '{"v": 2}');
SET client_min_messages = warning;
DROP SCHEMA traps CASCADE;
DROP ROLE regress_audit_clerk;
