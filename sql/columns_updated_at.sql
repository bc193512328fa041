-- updated_at: what sets it, and what does not.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA updated;
SET search_path = updated;
CREATE TABLE t (id integer PRIMARY KEY, name text, amount numeric, note text, updated_at timestamptz);
INSERT INTO t SELECT g, 'name ' || g, g, NULL, '2000-01-01' FROM generate_series(1, 3) g;
SELECT db_guard.enable_updated_at('t') AS first, db_guard.enable_updated_at('t') AS second;
-- The trigger itself, and the UPDATE that sets the column by itself: the same must come out.
CREATE FUNCTION fresh(stamp timestamptz) RETURNS text LANGUAGE sql AS
    $$SELECT CASE WHEN stamp = now() THEN 'now' WHEN stamp IS NULL THEN 'null'
                  WHEN stamp = '2000-01-01' THEN 'old' ELSE 'other' END$$;
CREATE PROCEDURE try_everything() LANGUAGE plpgsql AS $$
DECLARE what text; stamp text; one record;
BEGIN
    FOREACH what IN ARRAY ARRAY[
        'UPDATE t SET name = ''other'' WHERE id = 1',
        'UPDATE t SET name = name WHERE id = 1',
        'UPDATE t SET name = ''name 1'' WHERE id = 1',
        'UPDATE t SET amount = 1.0 WHERE id = 1',
        'UPDATE t SET amount = amount + 1 WHERE id = 1',
        'UPDATE t SET note = NULL WHERE id = 1',
        'UPDATE t SET note = ''x'' WHERE id = 1',
        'UPDATE t SET name = NULL WHERE id = 1',
        'UPDATE t SET id = 1, name = ''name 1'', amount = 1, note = NULL WHERE id = 1',
        'UPDATE t SET updated_at = ''2010-01-01'' WHERE id = 1',
        'UPDATE t SET updated_at = ''2010-01-01'', note = ''y'' WHERE id = 1',
        'UPDATE t SET updated_at = NULL WHERE id = 1',
        'UPDATE t SET name = upper(name) WHERE id = 1',
        'UPDATE t SET name = (SELECT ''z'') WHERE id = 1',
        'UPDATE t SET (name, note) = (SELECT ''z'', ''z'') WHERE id = 1',
        'UPDATE t SET name = other.name FROM t AS other WHERE t.id = 1 AND other.id = 2',
        'UPDATE t SET name = other.name FROM t AS other WHERE t.id = 1 AND other.id = 1',
        'WITH done AS (UPDATE t SET note = ''cte'' WHERE id = 1 RETURNING id) SELECT id FROM done',
        'INSERT INTO t VALUES (1, ''conflict'') ON CONFLICT (id) DO UPDATE SET name = excluded.name',
        'INSERT INTO t VALUES (1, ''name 1'') ON CONFLICT (id) DO UPDATE SET name = excluded.name',
        'MERGE INTO t USING (VALUES (1)) AS v (id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET note = ''merge''',
        'INSERT INTO t VALUES (9, ''new'') RETURNING id'] LOOP
        EXECUTE what;
        SELECT string_agg(fresh(updated_at), ' ' ORDER BY id) INTO stamp FROM t WHERE id IN (1, 9);
        RAISE NOTICE '%: %', what, stamp;
        ROLLBACK;
    END LOOP;
END $$;
SET db_guard.stamp_at_plan_time = off;
CALL try_everything();
SET db_guard.stamp_at_plan_time = on;
CALL try_everything();

-- Explicit values can be honoured.
SELECT db_guard.enable_updated_at('t', explicit_values => 'honour');
CALL try_everything();
SELECT options FROM db_guard.managed_tables WHERE target = 't'::regclass;
SELECT db_guard.enable_updated_at('t');

-- Trap: now() is constant in a transaction. The wall clock is not.
SELECT db_guard.enable_updated_at('t', clock => 'wall');
BEGIN;
UPDATE t SET note = 'a' WHERE id = 1;
UPDATE t SET note = 'b' WHERE id = 2;
SELECT one.updated_at > now() AS later_than_now, two.updated_at > one.updated_at AS later_than_the_first
  FROM t AS one, t AS two WHERE one.id = 1 AND two.id = 2;
ROLLBACK;
SET db_guard.stamp_at_plan_time = off;
BEGIN;
UPDATE t SET note = 'a' WHERE id = 1;
UPDATE t SET note = 'b' WHERE id = 2;
SELECT one.updated_at > now() AS later_than_now, two.updated_at > one.updated_at AS later_than_the_first
  FROM t AS one, t AS two WHERE one.id = 1 AND two.id = 2;
ROLLBACK;
SELECT db_guard.enable_updated_at('t', clock => 'statement');
BEGIN;
UPDATE t SET note = 'a' WHERE id = 1;
SELECT updated_at > now() AS later_than_now, updated_at < clock_timestamp() AS earlier_than_the_clock
  FROM t WHERE id = 1;
ROLLBACK;
RESET db_guard.stamp_at_plan_time;
SELECT db_guard.enable_updated_at('t');

-- Trap: BEFORE triggers run in the order of their names. What sorts before is seen, also when it undoes
-- the change; what sorts after is told at install.
CREATE FUNCTION normalise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := lower(NEW.name); RETURN NEW; END $$;
CREATE TRIGGER normalise BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION normalise();
BEGIN;
UPDATE t SET name = 'NAME 1' WHERE id = 1 RETURNING name, fresh(updated_at);
UPDATE t SET name = 'NAME 2' WHERE id = 1 RETURNING name, fresh(updated_at);
ROLLBACK;
SELECT db_guard.disable_updated_at('t');
ALTER TRIGGER normalise ON t RENAME TO zzzz;
SELECT db_guard.enable_updated_at('t');
DROP TRIGGER zzzz ON t;
-- A condition that has looked at the column does not keep the old value.
CREATE TRIGGER look BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.updated_at IS NOT NULL) EXECUTE FUNCTION normalise();
ALTER TABLE t ADD CONSTRAINT recent CHECK (note IS NULL OR updated_at > '2020-01-01');
CREATE INDEX t_updated_at ON t (updated_at);
BEGIN;
UPDATE t SET note = 'checked' WHERE id = 1;
SET LOCAL enable_seqscan = off;
SELECT id, fresh(updated_at) FROM t WHERE updated_at = now();
ROLLBACK;
DROP TRIGGER look ON t;
DROP INDEX t_updated_at;

-- Values that are stored in several forms: compressed, in TOAST, with a missing value behind.
CREATE TABLE wide (id integer PRIMARY KEY, body text, raw text, updated_at timestamptz DEFAULT '2000-01-01');
ALTER TABLE wide ALTER COLUMN raw SET STORAGE EXTERNAL;
SELECT db_guard.enable_updated_at('wide');
INSERT INTO wide VALUES (1, repeat('a', 100000), repeat('b', 100000));
ALTER TABLE wide ADD COLUMN late integer DEFAULT 7, ADD COLUMN doomed integer DEFAULT 8;
CREATE PROCEDURE try_wide() LANGUAGE plpgsql AS $$
DECLARE what text; stamp text;
BEGIN
    FOREACH what IN ARRAY ARRAY[
        'body = body', 'body = repeat(''a'', 100000)', 'body = repeat(''a'', 99999) || ''b''', 'body = ''a''',
        'raw = repeat(''b'', 100000)', 'raw = repeat(''b'', 99999) || ''a''', 'raw = NULL',
        'late = 7', 'late = 8', 'late = NULL', 'id = 1'] LOOP
        EXECUTE 'UPDATE wide SET ' || what;
        SELECT fresh(updated_at) INTO stamp FROM wide;
        RAISE NOTICE '%: %', what, stamp;
        ROLLBACK;
    END LOOP;
END $$;
CALL try_wide();
SET db_guard.stamp_at_plan_time = off;
CALL try_wide();
SET db_guard.mode = off;
ALTER TABLE wide DROP COLUMN doomed;
RESET db_guard.mode;
UPDATE wide SET late = 7;
SELECT fresh(updated_at) FROM wide;
RESET db_guard.stamp_at_plan_time;

-- Other types, precision, generated columns, many columns.
CREATE TABLE typed (id integer, double_id integer GENERATED ALWAYS AS (id * 2) STORED,
                    updated_at timestamp(0), seen timestamptz(3), v bigint DEFAULT 1);
SELECT db_guard.enable_updated_at('typed'), db_guard.enable_updated_at('typed', 'seen');
INSERT INTO typed VALUES (1, DEFAULT, NULL, NULL);
SET TimeZone = 'Asia/Kathmandu';
BEGIN;
UPDATE typed SET id = 2 RETURNING double_id, updated_at = localtimestamp(0) AS seconds, seen = now()::timestamptz(3) AS milliseconds;
UPDATE typed SET id = 2;
UPDATE typed SET double_id = DEFAULT RETURNING double_id, updated_at = localtimestamp(0) AS seconds;
COMMIT;
RESET TimeZone;
\set ECHO none
SELECT 'CREATE TABLE many (' || string_agg('c' || g || ' integer', ', ') || ', updated_at timestamptz)' FROM generate_series(1, 1599) g \gexec
\set ECHO all
SELECT db_guard.enable_updated_at('many');
INSERT INTO many DEFAULT VALUES;
BEGIN;
UPDATE many SET c1599 = 1 RETURNING fresh(updated_at);
ROLLBACK;

-- Off for a transaction: for those who may.
BEGIN;
SET LOCAL db_guard.column_triggers = off;
UPDATE t SET note = 'quiet', updated_at = '2021-01-01' WHERE id = 1 RETURNING updated_at = '2021-01-01' AS kept;
ROLLBACK;
-- Trap: the replica role. Ordinary triggers stay silent, and so does the UPDATE.
BEGIN;
SET LOCAL session_replication_role = replica;
ALTER TABLE t DROP CONSTRAINT recent;
UPDATE t SET note = 'replica' WHERE id = 1 RETURNING fresh(updated_at);
ALTER TABLE t ENABLE ALWAYS TRIGGER zzz_db_guard_updated_at;
UPDATE t SET note = 'replica 2' WHERE id = 1 RETURNING fresh(updated_at);
ROLLBACK;
BEGIN;
ALTER TABLE t DROP CONSTRAINT recent;
ALTER TABLE t DISABLE TRIGGER zzz_db_guard_updated_at;
UPDATE t SET note = 'disabled' WHERE id = 1 RETURNING fresh(updated_at);
SELECT enabled FROM db_guard.managed_tables WHERE target = 't'::regclass;
SELECT db_guard.enable_updated_at('t') AS enabled_again;
UPDATE t SET note = 'enabled' WHERE id = 1 RETURNING fresh(updated_at);
ROLLBACK;

-- Wherever the column stands, and whatever of the columns behind it is NULL, its neighbours stay as they are.
CREATE TABLE placed (n integer, before_it text, updated_at timestamptz, after_it text, last smallint);
INSERT INTO placed
SELECT 1, b, u, a, l
  FROM (VALUES (NULL), ('before')) b(b), (VALUES (NULL), (timestamptz '2000-01-01')) u(u), (VALUES (NULL), ('after')) a(a),
       (VALUES (NULL), (smallint '7')) l(l);
SELECT db_guard.enable_updated_at('placed');
BEGIN;
SET LOCAL db_guard.stamp_at_plan_time = off;
UPDATE placed SET n = 3;
SELECT n, before_it, updated_at = now() AS stamped, after_it, last, count(*) FROM placed GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 4, 5;
COMMIT;
DROP TABLE placed;

-- By hand and wrong.
CREATE TRIGGER wrong BEFORE UPDATE ON typed FOR EACH ROW EXECUTE FUNCTION db_guard.set_updated_at();
UPDATE typed SET id = 3;
DROP TRIGGER wrong ON typed;
CREATE TRIGGER wrong BEFORE UPDATE ON typed FOR EACH ROW EXECUTE FUNCTION db_guard.set_updated_at('v');
UPDATE typed SET id = 3;
DROP TRIGGER wrong ON typed;
-- Trap: an AFTER trigger cannot change the row.
CREATE TRIGGER wrong AFTER UPDATE ON typed FOR EACH ROW EXECUTE FUNCTION db_guard.set_updated_at('updated_at');
UPDATE typed SET id = 3;
DROP TRIGGER wrong ON typed;
SELECT db_guard.set_updated_at();
SET client_min_messages = warning;
DROP SCHEMA updated CASCADE;
