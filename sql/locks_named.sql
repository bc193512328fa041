-- Named locks, leases, and what they refuse.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS db_guard CASCADE;
CREATE EXTENSION db_guard;
RESET client_min_messages;
SET db_guard.mode = off;
-- Transaction scope: gone with the transaction, also with a savepoint.
BEGIN;
SELECT db_guard.lock('deploy');
SELECT db_guard.try_lock('deploy');
SELECT name, key = db_guard.lock_key('deploy') AS same_key, pid = pg_backend_pid() AS mine, waiters FROM db_guard.held_locks;
SAVEPOINT s;
SELECT db_guard.lock('inner', '1 s');
ROLLBACK TO s;
SELECT name FROM db_guard.held_locks;
COMMIT;
SELECT name FROM db_guard.held_locks;
SELECT name FROM db_guard.lock_names ORDER BY name;
-- Session scope: over transactions, as often as taken.
SELECT db_guard.session_lock('worker', '0'), db_guard.try_session_lock('worker');
BEGIN;
ROLLBACK;
SELECT name FROM db_guard.held_locks;
SELECT db_guard.session_unlock('worker');
SELECT name FROM db_guard.held_locks;
SELECT db_guard.session_unlock('worker');
SELECT count(*) FROM db_guard.held_locks;
SELECT db_guard.session_unlock('worker');
\echo :SQLSTATE
SELECT db_guard.session_unlock('never held');
-- A lock of a transaction is no session's to give back.
BEGIN;
SELECT db_guard.lock('of this transaction');
SELECT db_guard.session_unlock('of this transaction');
ROLLBACK;
-- A name whose first use is rolled back leaves nothing behind.
BEGIN;
SELECT db_guard.lock('rolled back');
ROLLBACK;
SELECT count(*) FROM db_guard.lock_names WHERE name = 'rolled back';
-- An advisory lock of the same number is another lock. What gives back all of them gives back ours, too.
SELECT db_guard.session_lock('mine');
SELECT pg_advisory_lock(db_guard.lock_key('mine'));
SELECT pg_advisory_unlock(db_guard.lock_key('mine'));
SELECT name FROM db_guard.held_locks;
SELECT pg_advisory_unlock_all();
SELECT db_guard.session_unlock('mine');
-- The hash of a name never changes, and two names never share a key.
SELECT db_guard.lock_key('deploy'), db_guard.lock_key('Deploy'), db_guard.lock_key('é');
INSERT INTO db_guard.lock_names VALUES (db_guard.lock_key('second'), 'first', now());
SELECT db_guard.lock_key('second') - key AS distance FROM db_guard.lock_names WHERE name = 'first';
SELECT db_guard.session_lock('second');
SELECT name FROM db_guard.held_locks;
SELECT db_guard.session_unlock('second');
SELECT count(DISTINCT db_guard.lock_key('job-' || g)) FROM generate_series(1, 100000) g;
-- In a read-only transaction the lock works, and its name is not shown.
BEGIN READ ONLY;
SELECT db_guard.lock('read only');
SELECT name, pid = pg_backend_pid() AS mine FROM db_guard.held_locks;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT db_guard.lock('repeatable');
COMMIT;
-- What is no name.
SELECT db_guard.lock(NULL);
SELECT db_guard.try_lock('');
SELECT db_guard.session_lock(repeat('x', 1001));
SELECT db_guard.lock_key(NULL);
SELECT db_guard.lock('x', '-1 s');
-- Procedures.
CALL db_guard.wait_lock('queue');
SELECT name FROM db_guard.held_locks;
SELECT db_guard.session_unlock('queue');
BEGIN;
CALL db_guard.wait_lock('queue');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
CALL db_guard.run_with_lock('queue', 'SELECT 1');
ROLLBACK;
CALL db_guard.run_with_lock('queue', 'CREATE TABLE made (id int); INSERT INTO made VALUES (1)');
SELECT * FROM made;
CALL db_guard.run_with_lock('queue', 'INSERT INTO made VALUES (2); SELECT 1 / 0');
CALL db_guard.run_with_lock('queue', 'INSERT INTO made VALUES (3); COMMIT');
SELECT count(*) AS held FROM db_guard.held_locks;
SELECT * FROM made;
CALL db_guard.run_with_lock('queue', NULL);
CALL db_guard.run_with_lock(NULL, 'SELECT 1');
CALL db_guard.run_with_retries('ALTER TABLE made ADD COLUMN n int');
SELECT * FROM made;
SHOW lock_timeout;
CALL db_guard.run_with_retries('ALTER TABLE made ADD COLUMN n int');
CALL db_guard.run_with_retries('CREATE INDEX CONCURRENTLY ON made (id)');
CALL db_guard.run_with_retries('SELECT 1', attempts => 0);
CALL db_guard.run_with_retries('SELECT 1', attempts => NULL);
CALL db_guard.run_with_retries('SELECT 1', '0');
CALL db_guard.run_with_retries(NULL);
BEGIN;
CALL db_guard.run_with_retries('SELECT 1');
ROLLBACK;
-- Leases.
SELECT db_guard.acquire_lease('leader', '1 hour', 'node 1');
SELECT db_guard.acquire_lease('leader', '1 hour', 'node 2');
SELECT db_guard.check_lease('leader', 1);
SELECT db_guard.check_lease('leader', 2);
\echo :SQLSTATE
SELECT db_guard.renew_lease('leader', 1, '2 hours');
SELECT expires_at - now() > '1 hour 50 min', holder FROM db_guard.leases;
SELECT db_guard.release_lease('leader', 1);
SELECT db_guard.release_lease('leader', 1);
SELECT db_guard.renew_lease('leader', 1, '1 hour');
SELECT db_guard.acquire_lease('leader', '1 microsecond', 'node 2');
SELECT db_guard.check_lease('leader', 2);
SELECT db_guard.acquire_lease('leader', '1 hour', 'node 1');
SELECT db_guard.renew_lease('leader', 2, '1 hour');
SELECT db_guard.check_lease('leader', 3);
SELECT db_guard.acquire_lease(NULL, '1 hour');
SELECT db_guard.acquire_lease('', '1 hour');
SELECT db_guard.acquire_lease('x', NULL);
SELECT db_guard.acquire_lease('x', '0');
SELECT db_guard.check_lease('x', NULL);
SELECT db_guard.check_lease('unknown', 1);
-- Anybody may use them, nobody may write the tables.
CREATE ROLE lock_user;
SET ROLE lock_user;
SELECT db_guard.session_lock('of a user');
SELECT name, user_name = session_user AS of_this_session FROM db_guard.held_locks;
SELECT db_guard.session_unlock('of a user');
SELECT db_guard.acquire_lease('of a user', '1 hour');
SELECT count(*) FROM db_guard.lock_names;
UPDATE db_guard.leases SET token = 1;
DELETE FROM db_guard.lock_names;
SET search_path = pg_temp;
CREATE TEMP TABLE leases (name text);
SELECT db_guard.check_lease('of a user', 1);
RESET ROLE;
RESET search_path;
DROP TABLE pg_temp.leases, made;
DROP ROLE lock_user;
