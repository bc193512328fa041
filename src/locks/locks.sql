-- locks: named advisory locks, leases, and statements that give up on a lock in time.

CREATE TABLE db_guard.lock_names (
    key         bigint CONSTRAINT lock_names_pkey PRIMARY KEY,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL
);
COMMENT ON TABLE db_guard.lock_names IS
'Names of locks and the keys that stand for them. A name is entered by the first who holds its lock, so that no two names ever share a key.';
COMMENT ON COLUMN db_guard.lock_names.key IS 'A hash of the name; the next free number where another name has it.';
COMMENT ON COLUMN db_guard.lock_names.name IS 'As given.';
COMMENT ON COLUMN db_guard.lock_names.created_at IS 'When it was first used.';

CREATE TABLE db_guard.leases (
    name         text PRIMARY KEY,
    token        bigint NOT NULL,
    holder       text,
    role_name    text NOT NULL,
    acquired_at  timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
COMMENT ON TABLE db_guard.leases IS 'Leases: who has them, and until when. Kept when they are over, so that tokens only grow.';
COMMENT ON COLUMN db_guard.leases.name IS 'As given.';
COMMENT ON COLUMN db_guard.leases.token IS 'Grows with each holder.';
COMMENT ON COLUMN db_guard.leases.holder IS 'What the holder calls itself.';
COMMENT ON COLUMN db_guard.leases.role_name IS 'Role that logged in to acquire it.';
COMMENT ON COLUMN db_guard.leases.acquired_at IS 'When.';
COMMENT ON COLUMN db_guard.leases.expires_at IS 'When somebody else may take it; -infinity when it was given back.';

REVOKE ALL ON TABLE db_guard.lock_names, db_guard.leases FROM PUBLIC;
-- Keys may be in use by clients, and tokens must go on growing.
SELECT pg_catalog.pg_extension_config_dump('db_guard.lock_names', '');
SELECT pg_catalog.pg_extension_config_dump('db_guard.leases', '');

CREATE FUNCTION db_guard.lock_key(name text)
RETURNS bigint
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_lock_key';
COMMENT ON FUNCTION db_guard.lock_key(text) IS
'The 64-bit key of a named lock: a hash, unless another name has that key. Names have 1 to 1000 bytes.';

CREATE FUNCTION db_guard.lock(name text, timeout interval DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_lock';
COMMENT ON FUNCTION db_guard.lock(text, interval) IS
'Takes a named lock until the end of the transaction. Waits first come first served: for ever with timeout NULL, not at all with 0. Error 55P03 when it is not obtained in time.';

CREATE FUNCTION db_guard.try_lock(name text)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_try_lock';
COMMENT ON FUNCTION db_guard.try_lock(text) IS
'Takes a named lock until the end of the transaction, if that needs no waiting; false otherwise.';

CREATE FUNCTION db_guard.session_lock(name text, timeout interval DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_session_lock';
COMMENT ON FUNCTION db_guard.session_lock(text, interval) IS
'Takes a named lock until session_unlock, or the end of the session. Taken twice it has to be given back twice. pg_advisory_unlock_all() and DISCARD ALL give it back, too. Not for connections behind a pooler in transaction mode. Timeout as for db_guard.lock.';

CREATE FUNCTION db_guard.try_session_lock(name text)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_try_session_lock';
COMMENT ON FUNCTION db_guard.try_session_lock(text) IS
'Takes a named lock until session_unlock, if that needs no waiting; false otherwise.';

CREATE FUNCTION db_guard.session_unlock(name text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_session_unlock';
COMMENT ON FUNCTION db_guard.session_unlock(text) IS
'Gives back what session_lock, try_session_lock or wait_lock took. Error 55000 when this session does not hold it.';

CREATE PROCEDURE db_guard.wait_lock(name text, timeout interval DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'db_guard_wait_lock';
COMMENT ON PROCEDURE db_guard.wait_lock(text, interval) IS
'Like session_lock, but ends its transaction first and holds no snapshot while it waits: the holder can build an index CONCURRENTLY, and rows can be vacuumed. Error 25001 in a transaction block or function.';

CREATE PROCEDURE db_guard.run_with_lock(name text, sql text, timeout interval DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'db_guard_run_with_lock';
COMMENT ON PROCEDURE db_guard.run_with_lock(text, text, interval) IS
'Runs statements, in one transaction, while holding a named lock; the lock is given back when they are committed, or undone. Waits like wait_lock.';

CREATE PROCEDURE db_guard.run_with_retries(
    sql text, lock_timeout interval DEFAULT '1s', attempts integer DEFAULT 10,
    first_timeout interval DEFAULT '20 ms', max_pause interval DEFAULT '10 s')
LANGUAGE c
AS 'MODULE_PATHNAME', 'db_guard_run_with_retries';
COMMENT ON PROCEDURE db_guard.run_with_retries(text, interval, integer, interval, interval) IS
'Runs statements, in one transaction, under a short lock_timeout: first_timeout at the first attempt, twice as long at each further one, never more than lock_timeout. Between attempts it sleeps, and says who was in the way. Error 55P03 when no attempt succeeds; never runs without a timeout.';

CREATE FUNCTION db_guard.acquire_lease(name text, duration interval, holder text DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_acquire_lease';
COMMENT ON FUNCTION db_guard.acquire_lease(text, interval, text) IS
'Takes a lease for that long, and returns its token; NULL while somebody else has it. It counts from the commit on. The token has to be checked where the work is written: db_guard.check_lease.';

CREATE FUNCTION db_guard.renew_lease(name text, token bigint, duration interval)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_renew_lease';
COMMENT ON FUNCTION db_guard.renew_lease(text, bigint, interval) IS
'Lets a lease last that long from now. Error 55000 when it was given back or somebody else has taken it.';

CREATE FUNCTION db_guard.release_lease(name text, token bigint)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_release_lease';
COMMENT ON FUNCTION db_guard.release_lease(text, bigint) IS
'Gives a lease back. Error 55000 when it is not that token''s any more.';

CREATE FUNCTION db_guard.check_lease(name text, token bigint)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_check_lease';
COMMENT ON FUNCTION db_guard.check_lease(text, bigint) IS
'Raises error 55000 unless the lease is still that token''s; otherwise keeps it from being taken over until the transaction ends. Call it in the transaction that writes.';

CREATE VIEW db_guard.held_locks AS
WITH named AS (
    SELECT l.pid, l.granted, l.waitstart,
           ((l.classid::bigint OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) l.objid::bigint) AS key
      FROM pg_catalog.pg_locks AS l
     WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.objsubid OPERATOR(pg_catalog.=) 17479
       AND l.database OPERATOR(pg_catalog.=)
           (SELECT oid FROM pg_catalog.pg_database
             WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
)
SELECT n.name, h.key, h.pid, a.usename AS user_name, a.application_name, a.state,
       COALESCE(a.xact_start, a.state_change) AS active_since,
       pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) COALESCE(a.xact_start, a.state_change) AS age,
       ARRAY(SELECT w.pid FROM named AS w
              WHERE w.key OPERATOR(pg_catalog.=) h.key AND NOT w.granted ORDER BY w.waitstart) AS waiters,
       (SELECT pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.min(w.waitstart) FROM named AS w
         WHERE w.key OPERATOR(pg_catalog.=) h.key AND NOT w.granted) AS longest_wait
  FROM named AS h
  LEFT JOIN db_guard.lock_names AS n ON n.key OPERATOR(pg_catalog.=) h.key
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid OPERATOR(pg_catalog.=) h.pid
 WHERE h.granted;
COMMENT ON VIEW db_guard.held_locks IS 'Named locks that are held in this database, and who waits for them.';
COMMENT ON COLUMN db_guard.held_locks.name IS 'NULL where its first holder has not committed yet, or holds it on a standby.';
COMMENT ON COLUMN db_guard.held_locks.key IS 'As db_guard.lock_key returns it.';
COMMENT ON COLUMN db_guard.held_locks.pid IS 'Server process of the holder.';
COMMENT ON COLUMN db_guard.held_locks.user_name IS 'Its role.';
COMMENT ON COLUMN db_guard.held_locks.application_name IS 'As the client claims.';
COMMENT ON COLUMN db_guard.held_locks.state IS 'As in pg_stat_activity; idle for a session lock between two transactions.';
COMMENT ON COLUMN db_guard.held_locks.active_since IS 'Start of the holder''s transaction, before which it cannot have taken a lock of transaction scope; outside of one, its last change of state, before which it took its session lock.';
COMMENT ON COLUMN db_guard.held_locks.age IS 'Time since then. The server does not note when a lock was taken.';
COMMENT ON COLUMN db_guard.held_locks.waiters IS 'Server processes that wait for it, in the order in which they came.';
COMMENT ON COLUMN db_guard.held_locks.longest_wait IS 'Of the first of them.';
GRANT SELECT ON db_guard.held_locks TO PUBLIC;
