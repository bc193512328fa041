-- updated_at as part of the UPDATE: when, and that trigger and plan never both act.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
SET db_guard.stamp_at_plan_time = on;
CREATE SCHEMA planned;
SET search_path = planned;
CREATE TABLE t (id integer PRIMARY KEY, a integer, b text, c numeric(10,2), d varchar(5), updated_at timestamptz);
INSERT INTO t SELECT g, g, 'b', 1, 'd', '2000-01-01' FROM generate_series(1, 3) g;
SELECT db_guard.enable_updated_at('t');
CREATE FUNCTION way(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || sql LOOP plan := plan || line; END LOOP;
    RETURN CASE WHEN plan LIKE '%stamp_unless_same%' THEN 'plan' ELSE 'trigger' END;
END $$;
SELECT sql, way(sql) FROM (VALUES
    ('UPDATE t SET a = 1'),
    ('UPDATE t SET a = a + 1, b = ''x'''),
    ('UPDATE t SET c = c * 2, d = ''abc'''),
    ('UPDATE t SET a = o.a FROM t AS o WHERE o.id = t.id'),
    ('UPDATE t SET b = b || ''x'''),
    ('UPDATE t SET a = random()::integer'),
    ('UPDATE t SET a = (SELECT 1)'),
    ('UPDATE t SET a = 1, updated_at = now()'),
    ('WITH x AS (UPDATE t SET a = 1 RETURNING 1) SELECT * FROM x'),
    ('INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1'),
    ('MERGE INTO t USING (VALUES (1)) AS v (id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET a = 1'),
    ('DELETE FROM t'), ('SELECT * FROM t')) AS s (sql);
-- No trigger is called, and no row is locked before it is changed.
CREATE FUNCTION calls(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json) ' || sql INTO plan;
    RETURN coalesce((SELECT string_agg((t ->> 'Trigger Name') || ' ' || (t ->> 'Calls'), ', ')
                       FROM json_array_elements(plan -> 0 -> 'Triggers') AS t), 'none');
END $$;
SELECT calls('UPDATE t SET a = 10'), count(*) FILTER (WHERE updated_at = now()) FROM t GROUP BY 1;
SELECT count(*) FILTER (WHERE updated_at > '2001-01-01') AS stamped FROM t;
SELECT calls('UPDATE t SET b = b || ''x''');
BEGIN;
SET LOCAL db_guard.stamp_at_plan_time = off;
SELECT calls('UPDATE t SET a = 11');
ROLLBACK;
-- It writes as much WAL as with the column in the SET list; the trigger has each row locked first.
CREATE FUNCTION wal_records(sql text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, WAL, FORMAT json) ' || sql INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'WAL Records';
END $$;
CREATE TABLE by_plan (a integer, updated_at timestamptz);
INSERT INTO by_plan SELECT g FROM generate_series(1, 20) g;
CREATE TABLE by_trigger (LIKE by_plan);
INSERT INTO by_trigger TABLE by_plan;
CREATE TABLE by_hand (LIKE by_plan);
INSERT INTO by_hand TABLE by_plan;
SELECT db_guard.enable_updated_at('by_plan'), db_guard.enable_updated_at('by_trigger');
SELECT wal_records('UPDATE by_plan SET a = a + 1') AS by_plan,
       wal_records('UPDATE by_hand SET a = a + 1, updated_at = now()') AS by_hand;
SET db_guard.stamp_at_plan_time = off;
SELECT wal_records('UPDATE by_trigger SET a = a + 1') AS by_trigger;
SET db_guard.stamp_at_plan_time = on;
-- Another trigger that fires before the update: then the trigger of updated_at must see what it did.
CREATE FUNCTION set_b() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := 'changed'; RETURN NEW; END $$;
CREATE TRIGGER early BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION set_b();
SELECT calls('UPDATE t SET a = a');
UPDATE t SET updated_at = '2000-01-01';
DROP TRIGGER early ON t;
CREATE TRIGGER early BEFORE UPDATE OF d ON t FOR EACH ROW EXECUTE FUNCTION set_b();
SELECT calls('UPDATE t SET a = 12') AS not_of_this_column, calls('UPDATE t SET d = ''e''') AS of_this_column;
DROP TRIGGER early ON t;
-- Prepared statements follow the trigger, the setting and the role.
PREPARE change (integer, integer) AS UPDATE t SET a = $2 WHERE id = $1 RETURNING updated_at > '2001-01-01' AS stamped;
SET plan_cache_mode = force_generic_plan;
SET db_guard.column_triggers = off;
UPDATE t SET updated_at = '2000-01-01';
EXECUTE change (1, 100);
SET session_replication_role = replica;
RESET db_guard.column_triggers;
EXECUTE change (1, 101);
RESET session_replication_role;
EXECUTE change (1, 102);
SET db_guard.stamp_at_plan_time = off;
EXECUTE change (2, 102);
SELECT db_guard.disable_updated_at('t');
UPDATE t SET updated_at = '2000-01-01';
EXECUTE change (1, 103);
SET db_guard.stamp_at_plan_time = on;
SELECT db_guard.enable_updated_at('t');
EXECUTE change (1, 103);
EXECUTE change (1, 104);
DEALLOCATE change;
RESET plan_cache_mode;
-- Needs no right that the statement itself does not need.
CREATE ROLE planned_writer;
GRANT USAGE ON SCHEMA planned TO planned_writer;
GRANT UPDATE (a), SELECT (id) ON t TO planned_writer;
SET ROLE planned_writer;
UPDATE t SET a = 77 WHERE id = 1;
UPDATE t SET updated_at = now() WHERE id = 1;
RESET ROLE;
SELECT a, updated_at > '2001-01-01' AS stamped FROM t WHERE id = 1;
-- Nobody can pass a call of their own for ours.
UPDATE t SET updated_at = '2000-01-01', a = a;
SET db_guard.column_triggers = off;
UPDATE t SET updated_at = '2000-01-01';
RESET db_guard.column_triggers;
UPDATE t SET a = 78, updated_at = db_guard.stamp_unless_same('1999-01-01', 0, 1, 1) WHERE id = 1;
SELECT updated_at > '2001-01-01' AS stamped FROM t WHERE id = 1;
SELECT db_guard.stamp_unless_same('2000-01-01', 0, 1, 2) = now() AS changed,
       db_guard.stamp_unless_same('2000-01-01', 0, 1, 1) = '2000-01-01' AS same,
       db_guard.stamp_unless_same(NULL, NULL, NULL::text, NULL::text) IS NULL AS nulls,
       db_guard.stamp_unless_same(NULL, 0, 'a'::text, 1) = now() AS unlike,
       db_guard.stamp_unless_same('2000-01-01', 0, 1) = '2000-01-01' AS half_a_pair;
-- Views, rules of rows, generated columns, foreign keys, and tables with children.
CREATE VIEW v AS SELECT id, a FROM t WHERE id < 3 WITH CHECK OPTION;
SELECT way('UPDATE v SET a = 5');
UPDATE v SET a = 500 WHERE id = 2;
SELECT updated_at > '2001-01-01' AS stamped FROM t WHERE id = 2;
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (id integer, parent integer REFERENCES parent ON UPDATE CASCADE, twice integer GENERATED ALWAYS AS (parent * 2) STORED, updated_at timestamptz);
SELECT db_guard.enable_updated_at('child');
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, 1, DEFAULT, NULL);
UPDATE parent SET id = 2;
SELECT parent, twice, updated_at IS NOT NULL AS stamped FROM child;
CREATE TABLE base (a integer, updated_at timestamptz);
CREATE TABLE derived () INHERITS (base);
SELECT db_guard.enable_updated_at('base');
SELECT way('UPDATE base SET a = 5'), way('UPDATE ONLY base SET a = 5');
INSERT INTO base VALUES (1); INSERT INTO derived VALUES (1);
UPDATE base SET a = 2;
SELECT tableoid::regclass, updated_at IS NOT NULL AS stamped FROM base ORDER BY 1;
SET client_min_messages = warning;
DROP SCHEMA planned CASCADE;
DROP ROLE planned_writer;
