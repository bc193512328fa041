-- batch: UPDATE and DELETE in batches that commit.

CREATE SEQUENCE db_guard.batch_job_ids;
COMMENT ON SEQUENCE db_guard.batch_job_ids IS 'Numbers of batch jobs.';

CREATE TABLE db_guard.batch_jobs (
    job               bigint PRIMARY KEY DEFAULT pg_catalog.nextval('db_guard.batch_job_ids'),
    operation         text NOT NULL CHECK (operation IN ('update', 'delete')),
    target            regclass NOT NULL,
    set_clause        text,
    where_clause      text,
    owner             regrole NOT NULL,
    settings          jsonb NOT NULL,
    batch_size        bigint NOT NULL,
    pause_ms          double precision NOT NULL,
    target_ms         double precision NOT NULL,
    max_lock_wait_ms  double precision NOT NULL,
    notice_ms         double precision NOT NULL,
    max_replica_lag   bigint,
    max_lock_waiters  bigint,
    max_wal_rate      bigint,
    wait_while        text,
    wanted_walk       text NOT NULL,
    background        boolean NOT NULL DEFAULT false,
    state             text NOT NULL CHECK (state IN ('new', 'running', 'done', 'incomplete', 'failed', 'cancelled')),
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at       timestamptz,
    saved_at          timestamptz,
    running_ms        double precision NOT NULL DEFAULT 0,
    rows_done         bigint NOT NULL DEFAULT 0,
    rows_seen         double precision NOT NULL DEFAULT 0,
    rows_estimated    double precision,
    batches           bigint NOT NULL DEFAULT 0,
    segments          regclass[],
    together          boolean NOT NULL DEFAULT false,
    segment           integer NOT NULL DEFAULT 0,
    walk              text,
    walk_reason       text,
    passes            integer NOT NULL DEFAULT 1,
    pass              integer NOT NULL DEFAULT 0,
    low_key           text,
    high_key          text,
    bound_key         text,
    position_key      text,
    sweeping          boolean NOT NULL DEFAULT false,
    waiting_for       text,
    last_error        text,
    resumed_batches   bigint NOT NULL DEFAULT 0,
    resumes           integer NOT NULL DEFAULT 0
);

COMMENT ON TABLE db_guard.batch_jobs IS
'Batch jobs and how far they are; written by the job itself, in the transaction of each batch. Read db_guard.batch_progress.';
COMMENT ON COLUMN db_guard.batch_jobs.job IS 'Number of the job.';
COMMENT ON COLUMN db_guard.batch_jobs.operation IS 'update or delete.';
COMMENT ON COLUMN db_guard.batch_jobs.target IS 'The table that was named.';
COMMENT ON COLUMN db_guard.batch_jobs.set_clause IS 'What stands between SET and WHERE.';
COMMENT ON COLUMN db_guard.batch_jobs.where_clause IS 'The condition; NULL for every row.';
COMMENT ON COLUMN db_guard.batch_jobs.owner IS 'Role that started it; only that role can resume it, because its clauses run with the rights of whoever runs the job.';
COMMENT ON COLUMN db_guard.batch_jobs.settings IS 'Settings that decide what the clauses mean, as they were at the start.';
COMMENT ON COLUMN db_guard.batch_jobs.batch_size IS 'Rows of the first batch.';
COMMENT ON COLUMN db_guard.batch_jobs.pause_ms IS 'Between two batches, in milliseconds.';
COMMENT ON COLUMN db_guard.batch_jobs.target_ms IS 'How long a batch should hold its locks, in milliseconds; 0 for a fixed batch_size.';
COMMENT ON COLUMN db_guard.batch_jobs.max_lock_wait_ms IS 'How long the end of the job waits for locked rows, in milliseconds.';
COMMENT ON COLUMN db_guard.batch_jobs.notice_ms IS 'Between two NOTICEs about the progress, in milliseconds.';
COMMENT ON COLUMN db_guard.batch_jobs.max_replica_lag IS 'Bytes of WAL that a replica may be behind; NULL for any.';
COMMENT ON COLUMN db_guard.batch_jobs.max_lock_waiters IS 'Sessions that may wait for locks; NULL for any.';
COMMENT ON COLUMN db_guard.batch_jobs.max_wal_rate IS 'Bytes of WAL a second that the job may write; NULL for any.';
COMMENT ON COLUMN db_guard.batch_jobs.wait_while IS 'An expression; the job waits while it is true or NULL.';
COMMENT ON COLUMN db_guard.batch_jobs.wanted_walk IS 'auto, stride, keyset or pages.';
COMMENT ON COLUMN db_guard.batch_jobs.background IS 'Whether a background worker runs it.';
COMMENT ON COLUMN db_guard.batch_jobs.state IS 'As last written; db_guard.batch_progress also knows whether anybody still runs it.';
COMMENT ON COLUMN db_guard.batch_jobs.created_at IS 'When it was started.';
COMMENT ON COLUMN db_guard.batch_jobs.finished_at IS 'When it ended, done or not; NULL while it can go on.';
COMMENT ON COLUMN db_guard.batch_jobs.saved_at IS 'When this row was last written.';
COMMENT ON COLUMN db_guard.batch_jobs.running_ms IS 'Time spent running, pauses included, in milliseconds.';
COMMENT ON COLUMN db_guard.batch_jobs.rows_done IS 'Rows changed.';
COMMENT ON COLUMN db_guard.batch_jobs.rows_seen IS 'Rows gone by, changed or not.';
COMMENT ON COLUMN db_guard.batch_jobs.rows_estimated IS 'Rows to go by, an estimate.';
COMMENT ON COLUMN db_guard.batch_jobs.batches IS 'Batches committed.';
COMMENT ON COLUMN db_guard.batch_jobs.segments IS 'The tables that hold the rows, in order.';
COMMENT ON COLUMN db_guard.batch_jobs.together IS 'Whether the partitions are gone through together, by the key of the target.';
COMMENT ON COLUMN db_guard.batch_jobs.segment IS 'Which of them is at work, from 0.';
COMMENT ON COLUMN db_guard.batch_jobs.walk IS 'How it goes through that table: stride, keyset or pages.';
COMMENT ON COLUMN db_guard.batch_jobs.walk_reason IS 'Why.';
COMMENT ON COLUMN db_guard.batch_jobs.passes IS 'Passes over each window of the table.';
COMMENT ON COLUMN db_guard.batch_jobs.pass IS 'Which of them is at work, from 0.';
COMMENT ON COLUMN db_guard.batch_jobs.low_key IS 'Everything up to here is done: texts of the key columns, each behind its length.';
COMMENT ON COLUMN db_guard.batch_jobs.high_key IS 'The end of the window at work.';
COMMENT ON COLUMN db_guard.batch_jobs.bound_key IS 'The highest key when the table was begun.';
COMMENT ON COLUMN db_guard.batch_jobs.position_key IS 'How far the pass is within its window.';
COMMENT ON COLUMN db_guard.batch_jobs.sweeping IS 'Whether it is at what came in behind bound_key meanwhile.';
COMMENT ON COLUMN db_guard.batch_jobs.waiting_for IS 'What it waits for; NULL while it works.';
COMMENT ON COLUMN db_guard.batch_jobs.last_error IS 'Why it ended before it was done.';
COMMENT ON COLUMN db_guard.batch_jobs.resumed_batches IS 'Batches there were when a restart of the server last resumed it.';
COMMENT ON COLUMN db_guard.batch_jobs.resumes IS 'Restarts that have resumed it since it last got on; behind the third it is left alone.';

CREATE TABLE db_guard.batch_locked_rows (
    job         bigint NOT NULL,
    segment     integer NOT NULL,
    row_key     text NOT NULL,
    PRIMARY KEY (job, segment, row_key)
);
COMMENT ON TABLE db_guard.batch_locked_rows IS
'Rows that a batch job left out because somebody had them locked, and that it will come back to.';
COMMENT ON COLUMN db_guard.batch_locked_rows.job IS 'Number of the job.';
COMMENT ON COLUMN db_guard.batch_locked_rows.segment IS 'Place of the table in batch_jobs.segments, from 0.';
COMMENT ON COLUMN db_guard.batch_locked_rows.row_key IS 'Texts of the key columns, each behind its length.';

CREATE TABLE db_guard.batch_cancellations (
    job           bigint PRIMARY KEY,
    requested_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE db_guard.batch_cancellations IS
'Batch jobs that shall stop. A table of its own, so that a cancel in an open transaction does not lock the row that the job writes.';
COMMENT ON COLUMN db_guard.batch_cancellations.job IS 'Number of the job.';
COMMENT ON COLUMN db_guard.batch_cancellations.requested_at IS 'When it was asked for.';

REVOKE ALL ON TABLE db_guard.batch_jobs, db_guard.batch_locked_rows, db_guard.batch_cancellations FROM PUBLIC;
REVOKE ALL ON SEQUENCE db_guard.batch_job_ids FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('db_guard.batch_jobs', '');
SELECT pg_catalog.pg_extension_config_dump('db_guard.batch_job_ids', '');
SELECT pg_catalog.pg_extension_config_dump('db_guard.batch_locked_rows', '');

CREATE FUNCTION db_guard.turn_of_row(place tid, turns integer)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'db_guard_turn_of_row';
COMMENT ON FUNCTION db_guard.turn_of_row(tid, integer) IS
'In which of so many passes over its page a row is taken, from 0.';

CREATE PROCEDURE db_guard.batch_update(
    target regclass, set_clause text, where_clause text DEFAULT NULL, batch_size integer DEFAULT 1000,
    pause interval DEFAULT '100 ms', target_time interval DEFAULT '50 ms', walk text DEFAULT 'auto',
    max_lock_wait interval DEFAULT '1 min', max_replica_lag bigint DEFAULT NULL,
    max_lock_waiters integer DEFAULT NULL, max_wal_rate bigint DEFAULT NULL, wait_while text DEFAULT NULL,
    notice_every interval DEFAULT '10 s')
LANGUAGE c
AS 'MODULE_PATHNAME', 'db_guard_batch_update';
COMMENT ON PROCEDURE db_guard.batch_update(regclass, text, text, integer, interval, interval, text, interval, bigint, integer, bigint, text, interval) IS
'Updates a table in batches, each committed by itself. set_clause and where_clause as in UPDATE; batch_size in rows, to begin with; target_time: how long a batch holds its locks (NULL for a fixed batch_size); walk: auto, stride, keyset or pages; max_replica_lag in bytes; max_wal_rate in bytes a second; wait_while: waits while that expression is true. Errors: 25001 in a transaction block or function, 42809 for what is no table, 55P03 when rows are still locked at the end.';

CREATE PROCEDURE db_guard.batch_delete(
    target regclass, where_clause text DEFAULT NULL, batch_size integer DEFAULT 1000,
    pause interval DEFAULT '100 ms', target_time interval DEFAULT '50 ms', walk text DEFAULT 'auto',
    max_lock_wait interval DEFAULT '1 min', max_replica_lag bigint DEFAULT NULL,
    max_lock_waiters integer DEFAULT NULL, max_wal_rate bigint DEFAULT NULL, wait_while text DEFAULT NULL,
    notice_every interval DEFAULT '10 s')
LANGUAGE c
AS 'MODULE_PATHNAME', 'db_guard_batch_delete';
COMMENT ON PROCEDURE db_guard.batch_delete(regclass, text, integer, interval, interval, text, interval, bigint, integer, bigint, text, interval) IS
'Deletes from a table in batches, each committed by itself. where_clause as in DELETE; the rest as for batch_update.';

CREATE FUNCTION db_guard.batch_start(
    operation text, target regclass, set_clause text DEFAULT NULL, where_clause text DEFAULT NULL,
    batch_size integer DEFAULT 1000, pause interval DEFAULT '100 ms', target_time interval DEFAULT '50 ms',
    walk text DEFAULT 'auto', max_lock_wait interval DEFAULT '1 min', max_replica_lag bigint DEFAULT NULL,
    max_lock_waiters integer DEFAULT NULL, max_wal_rate bigint DEFAULT NULL, wait_while text DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_batch_start';
COMMENT ON FUNCTION db_guard.batch_start(text, regclass, text, text, integer, interval, interval, text, interval, bigint, integer, bigint, text) IS
'Has a background worker run a batch job with the rights of the caller, once the transaction has committed; returns its number at once. operation: update or delete; the rest as for batch_update. Error 53000 when no worker is free.';

CREATE FUNCTION db_guard.batch_continue(job bigint)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_batch_continue';
COMMENT ON FUNCTION db_guard.batch_continue(bigint) IS
'Like batch_resume, in a background worker: returns at once.';

CREATE PROCEDURE db_guard.batch_resume(job bigint)
LANGUAGE c
AS 'MODULE_PATHNAME', 'db_guard_batch_resume';
COMMENT ON PROCEDURE db_guard.batch_resume(bigint) IS
'Goes on with a batch job that was interrupted, cancelled, failed, or left locked rows behind. For the role that started it. Errors: 55006 while somebody else runs it.';

CREATE FUNCTION db_guard.batch_cancel(job bigint)
RETURNS boolean
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_batch_cancel';
COMMENT ON FUNCTION db_guard.batch_cancel(bigint) IS
'Asks a batch job to stop after its current batch; true where one is running. It can be resumed. For the role that started it, its members, and members of pg_signal_backend. Takes effect when the transaction commits.';

CREATE FUNCTION db_guard.batch_plan(
    target regclass, set_clause text, where_clause text DEFAULT NULL, walk text DEFAULT 'auto')
RETURNS TABLE (relation text, walk_taken text, reason text, passes integer, key_columns text, rows_estimated double precision, batch_sql text)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_batch_plan';
COMMENT ON FUNCTION db_guard.batch_plan(regclass, text, text, text) IS
'What batch_update would do, without doing it: a row for each table that holds rows of the target. With set_clause NULL, what batch_delete would do.';

CREATE VIEW db_guard.batch_progress AS
WITH runner AS (
    SELECT ((classid::bigint OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) objid::bigint) AS job, pid
      FROM pg_catalog.pg_locks
     WHERE locktype OPERATOR(pg_catalog.=) 'advisory' AND granted
       AND objsubid OPERATOR(pg_catalog.=) 17480
       AND database OPERATOR(pg_catalog.=)
           (SELECT oid FROM pg_catalog.pg_database
             WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
), job AS (
    SELECT j.*, r.pid, j.state OPERATOR(pg_catalog.=) 'running' AND r.pid IS NULL AS is_interrupted,
           CASE WHEN j.running_ms OPERATOR(pg_catalog.>) 0
                THEN j.rows_seen OPERATOR(pg_catalog./) j.running_ms OPERATOR(pg_catalog.*) 1000 END AS speed
      FROM db_guard.batch_jobs AS j LEFT JOIN runner AS r ON r.job OPERATOR(pg_catalog.=) j.job
)
SELECT j.job, j.target,
       CASE WHEN j.is_interrupted THEN 'interrupted'
            WHEN j.state OPERATOR(pg_catalog.=) 'running' AND j.waiting_for IS NOT NULL THEN 'waiting'
            ELSE j.state END AS state,
       j.rows_done, j.rows_estimated::bigint AS rows_estimated,
       CASE WHEN j.state OPERATOR(pg_catalog.=) 'done' THEN 100
            WHEN j.rows_estimated OPERATOR(pg_catalog.>) 0
            THEN pg_catalog.round(LEAST(99.9, 100 OPERATOR(pg_catalog.*) j.rows_seen OPERATOR(pg_catalog./) j.rows_estimated)::numeric, 1)
            END AS percent,
       CASE WHEN j.running_ms OPERATOR(pg_catalog.>) 0
            THEN pg_catalog.round((j.rows_done OPERATOR(pg_catalog./) j.running_ms OPERATOR(pg_catalog.*) 1000)::numeric) END AS rows_per_second,
       CASE WHEN j.state OPERATOR(pg_catalog.=) 'running' AND NOT j.is_interrupted AND j.speed OPERATOR(pg_catalog.>) 0
            THEN pg_catalog.make_interval(secs => GREATEST(0, pg_catalog.round(
                 ((j.rows_estimated OPERATOR(pg_catalog.-) j.rows_seen) OPERATOR(pg_catalog./) j.speed)::numeric)::double precision)) END AS eta,
       j.waiting_for, j.last_error, j.operation, j.owner, j.pid, j.walk, j.walk_reason, j.batches,
       (SELECT pg_catalog.count(*) FROM db_guard.batch_locked_rows AS l WHERE l.job OPERATOR(pg_catalog.=) j.job) AS locked_rows,
       j.created_at, j.saved_at, j.finished_at
  FROM job AS j;

COMMENT ON VIEW db_guard.batch_progress IS 'Batch jobs and how far they are, also those of other sessions.';
COMMENT ON COLUMN db_guard.batch_progress.job IS 'Number of the job.';
COMMENT ON COLUMN db_guard.batch_progress.target IS 'The table that was named.';
COMMENT ON COLUMN db_guard.batch_progress.state IS 'new, running, waiting, done, incomplete (locked rows are left), failed, cancelled, or interrupted (nobody runs it any more). All but new, running, waiting and done can be resumed.';
COMMENT ON COLUMN db_guard.batch_progress.rows_done IS 'Rows changed and committed.';
COMMENT ON COLUMN db_guard.batch_progress.rows_estimated IS 'Rows that it will go by, changed or not; an estimate.';
COMMENT ON COLUMN db_guard.batch_progress.percent IS 'Of rows_estimated.';
COMMENT ON COLUMN db_guard.batch_progress.rows_per_second IS 'Rows changed a second, pauses included.';
COMMENT ON COLUMN db_guard.batch_progress.eta IS 'Time left, an estimate.';
COMMENT ON COLUMN db_guard.batch_progress.waiting_for IS 'What it waits for; NULL while it works.';
COMMENT ON COLUMN db_guard.batch_progress.last_error IS 'Why it ended before it was done.';
COMMENT ON COLUMN db_guard.batch_progress.operation IS 'update or delete.';
COMMENT ON COLUMN db_guard.batch_progress.owner IS 'Role that started it.';
COMMENT ON COLUMN db_guard.batch_progress.pid IS 'Server process that runs it.';
COMMENT ON COLUMN db_guard.batch_progress.walk IS 'How it goes through the table: stride, keyset or pages.';
COMMENT ON COLUMN db_guard.batch_progress.walk_reason IS 'Why.';
COMMENT ON COLUMN db_guard.batch_progress.batches IS 'Batches committed.';
COMMENT ON COLUMN db_guard.batch_progress.locked_rows IS 'Rows that were locked and are still to be changed.';
COMMENT ON COLUMN db_guard.batch_progress.created_at IS 'When it was started.';
COMMENT ON COLUMN db_guard.batch_progress.saved_at IS 'When it last said how far it is.';
COMMENT ON COLUMN db_guard.batch_progress.finished_at IS 'When it ended.';
GRANT SELECT ON db_guard.batch_progress TO PUBLIC;
