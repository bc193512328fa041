-- What batches refuse, and what they say then.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS db_guard CASCADE;
CREATE EXTENSION db_guard;
RESET client_min_messages;
SET db_guard.mode = off;
CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0, region text);
INSERT INTO t SELECT generate_series(1, 10);
-- Wrong contexts.
BEGIN;
CALL db_guard.batch_update('t', 'n = 1');
\echo :SQLSTATE
ROLLBACK;
DO $$ BEGIN PERFORM 1; BEGIN CALL db_guard.batch_delete('t'); EXCEPTION WHEN OTHERS THEN RAISE; END; END $$;
\echo :SQLSTATE
CREATE FUNCTION wrapped() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL db_guard.batch_resume(1); END $$;
SELECT wrapped();
-- In a DO block of its own it may.
DO $$ BEGIN CALL db_guard.batch_update('t', 'n = 1', pause => '0'); END $$;
-- Wrong targets.
CREATE VIEW v AS SELECT * FROM t;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM t;
CREATE SEQUENCE s;
CALL db_guard.batch_update('v', 'n = 1');
\echo :SQLSTATE
CALL db_guard.batch_update('mv', 'n = 1');
CALL db_guard.batch_update('s', 'n = 1');
CALL db_guard.batch_update('t_pkey', 'n = 1');
CALL db_guard.batch_update('pg_class', 'relname = relname');
CALL db_guard.batch_update(NULL, 'n = 1');
CALL db_guard.batch_update(0::regclass, 'n = 1');
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE ft (id int) SERVER nowhere;
CALL db_guard.batch_update('ft', 'id = 1');
CREATE TABLE half_foreign (id int) PARTITION BY LIST (id);
CREATE FOREIGN TABLE half_1 PARTITION OF half_foreign FOR VALUES IN (1) SERVER nowhere;
CALL db_guard.batch_delete('half_foreign');
-- Wrong clauses; nothing gets in by them.
CALL db_guard.batch_update('t', NULL);
CALL db_guard.batch_update('t', '');
CALL db_guard.batch_update('t', 'n = 1 WHERE true');
CALL db_guard.batch_update('t', 'n = 1 FROM v');
CALL db_guard.batch_update('t', 'n = 1 RETURNING n');
CALL db_guard.batch_update('t', 'n = 1; DROP TABLE t');
CALL db_guard.batch_update('t', 'nothing = 1');
CALL db_guard.batch_update('t', 'n = ''x''');
CALL db_guard.batch_update('t', 'n = $1');
CALL db_guard.batch_update('t', 'n = 1', 'id = $1');
CALL db_guard.batch_update('t', 'n = 1', 'true) OR (true');
CALL db_guard.batch_update('t', 'n = 1', 'true; DROP TABLE t');
CALL db_guard.batch_update('t', 'n = 1', 'true LIMIT 1');
CALL db_guard.batch_update('t', 'n = 1', 'true UNION SELECT true');
CALL db_guard.batch_update('t', 'n = 1', 'id');
CALL db_guard.batch_update('t', 'n = 1', 'count(*) > 1');
CALL db_guard.batch_update('t', 'n = 1', '');
-- Wrong options.
CALL db_guard.batch_update('t', 'n = 1', batch_size => 0);
CALL db_guard.batch_update('t', 'n = 1', batch_size => NULL);
CALL db_guard.batch_update('t', 'n = 1', pause => '-1 s');
CALL db_guard.batch_update('t', 'n = 1', pause => NULL);
CALL db_guard.batch_update('t', 'n = 1', walk => 'run');
CALL db_guard.batch_update('t', 'n = 1', walk => NULL);
CALL db_guard.batch_update('t', 'n = 1', max_wal_rate => 0);
CALL db_guard.batch_update('t', 'n = 1', wait_while => 'nothing', pause => '0');
-- A partition key cannot be changed in batches.
CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p DEFAULT;
CALL db_guard.batch_update('p', 'id = id + 1', 'n IS NULL');
-- Jobs that are not there, or not one's own.
CALL db_guard.batch_resume(12345);
CALL db_guard.batch_resume(NULL);
SELECT db_guard.batch_cancel(12345);
SELECT max(job) AS job FROM db_guard.batch_progress \gset
SELECT db_guard.batch_cancel(:job), db_guard.batch_cancel(NULL);
-- Its owner has a name that does not depend on who runs the tests.
UPDATE db_guard.batch_jobs SET owner = 'pg_monitor' WHERE job = :job;
CREATE ROLE batch_nobody;
GRANT CREATE ON SCHEMA public TO batch_nobody;
SET ROLE batch_nobody;
CALL db_guard.batch_update('t', 'n = 1');
\echo :SQLSTATE
CALL db_guard.batch_resume(:job);
SELECT db_guard.batch_cancel(:job);
SELECT count(*) FROM db_guard.batch_jobs;
INSERT INTO db_guard.batch_jobs DEFAULT VALUES;
INSERT INTO db_guard.batch_locked_rows VALUES (1, 0, '');
INSERT INTO db_guard.batch_cancellations VALUES (1);
SELECT nextval('db_guard.batch_job_ids');
SELECT state FROM db_guard.batch_progress WHERE job = :job;
-- One's own table, with rights on some columns, and rows hidden by row security.
RESET ROLE;
GRANT SELECT, UPDATE (n) ON t TO batch_nobody;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_four ON t TO batch_nobody USING (id <= 4);
SET ROLE batch_nobody;
CALL db_guard.batch_update('t', 'region = 1');
CALL db_guard.batch_update('t', 'n = 77', pause => '0');
RESET ROLE;
SELECT count(*) FROM t WHERE n = 77;
-- Rights on the partitioned table alone are enough.
INSERT INTO p SELECT g, 0 FROM generate_series(1, 50) g;
GRANT SELECT, UPDATE ON p TO batch_nobody;
SET ROLE batch_nobody;
CALL db_guard.batch_update('p', 'n = n + 1', pause => '0');
RESET ROLE;
SELECT n, count(*) FROM p GROUP BY n;
SELECT count(*) FROM t;
SET client_min_messages = warning;
DROP VIEW v;
DROP MATERIALIZED VIEW mv;
DROP SERVER nowhere CASCADE;
DROP FOREIGN DATA WRAPPER nothing;
DROP TABLE half_foreign, t, p;
DROP SEQUENCE s;
DROP FUNCTION wrapped();
DROP OWNED BY batch_nobody;
DROP ROLE batch_nobody;
