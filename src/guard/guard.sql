-- guard: the event triggers, the log of DDL, and what is covered.

CREATE TABLE db_guard.ddl_log (
    id                bigint NOT NULL,
    logged_at         timestamptz NOT NULL,
    user_name         text NOT NULL,
    session_user_name text NOT NULL,
    client_address    inet,
    application_name  text,
    process_id        integer NOT NULL,
    transaction_id    xid8,
    command_tag       text NOT NULL,
    object            text,
    statement         text,
    outcome           text NOT NULL CHECK (outcome IN ('done', 'warned', 'allowed', 'blocked')),
    findings          jsonb NOT NULL,
    allow_reason      text,
    analysis_error    text,
    dropped           jsonb,
    duration_ms       double precision
);

COMMENT ON TABLE db_guard.ddl_log IS
'DDL that ran in this database, and DDL that db_guard refused. Rows are written by the event triggers only; db_guard.prune_ddl_log removes old ones.';
COMMENT ON COLUMN db_guard.ddl_log.id IS 'Ascending in time; made of the time and the process, since a sequence would change what lastval() returns to the client.';
COMMENT ON COLUMN db_guard.ddl_log.logged_at IS 'When the statement ended, or was refused.';
COMMENT ON COLUMN db_guard.ddl_log.user_name IS 'Role in force: that of SET ROLE or of a SECURITY DEFINER function.';
COMMENT ON COLUMN db_guard.ddl_log.session_user_name IS 'Role that logged in.';
COMMENT ON COLUMN db_guard.ddl_log.client_address IS 'NULL for a connection by Unix-domain socket.';
COMMENT ON COLUMN db_guard.ddl_log.application_name IS 'As the client claims.';
COMMENT ON COLUMN db_guard.ddl_log.process_id IS 'Of the server process.';
COMMENT ON COLUMN db_guard.ddl_log.transaction_id IS 'NULL where none was assigned yet, as for most refused statements.';
COMMENT ON COLUMN db_guard.ddl_log.command_tag IS 'As in pg_event_trigger_ddl_commands().command_tag; COMMIT where only the whole transaction was reported.';
COMMENT ON COLUMN db_guard.ddl_log.object IS 'Relation or other object that the statement names; NULL where it names none that db_guard knows to read.';
COMMENT ON COLUMN db_guard.ddl_log.statement IS 'Its text, cut at 64 kB; left out where it may hold a password.';
COMMENT ON COLUMN db_guard.ddl_log.outcome IS 'done, warned (ran with a WARNING), allowed (ran by db_guard.allow), blocked (did not run).';
COMMENT ON COLUMN db_guard.ddl_log.findings IS 'What the rules found: rule, severity, object, message, lock, bytes, rows, safe_sql (the safe way, step by step; not of notes) and more.';
COMMENT ON COLUMN db_guard.ddl_log.allow_reason IS 'db_guard.allow_reason of an allowed statement.';
COMMENT ON COLUMN db_guard.ddl_log.analysis_error IS 'Why db_guard could not analyse the statement; it passed.';
COMMENT ON COLUMN db_guard.ddl_log.dropped IS 'What CASCADE, DROP OWNED and the like took along, up to 100 objects.';
COMMENT ON COLUMN db_guard.ddl_log.duration_ms IS 'From the start of the statement, in milliseconds.';

-- Only the owner reads it: statements may hold what is nobody else's business.
REVOKE ALL ON TABLE db_guard.ddl_log FROM PUBLIC;
-- No index: it would cost every DDL statement more than it saves the few who read the log.

SELECT pg_catalog.pg_extension_config_dump('db_guard.ddl_log', '');

CREATE FUNCTION db_guard.prune_ddl_log(older_than interval)
RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH pruned AS (
        DELETE FROM db_guard.ddl_log
         WHERE logged_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) older_than)
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM pruned
$$;

COMMENT ON FUNCTION db_guard.prune_ddl_log(interval) IS
'Deletes the entries of db_guard.ddl_log that are older than the interval, and returns how many. For the owner of the extension.';
REVOKE ALL ON FUNCTION db_guard.prune_ddl_log(interval) FROM PUBLIC;

CREATE FUNCTION db_guard.ddl_command_start()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_ddl_command_start';
COMMENT ON FUNCTION db_guard.ddl_command_start() IS
'Judges a statement before it takes a lock.';

CREATE FUNCTION db_guard.ddl_command_end()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_ddl_command_end';
COMMENT ON FUNCTION db_guard.ddl_command_end() IS
'Logs a statement that ran.';

CREATE FUNCTION db_guard.sql_drop()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_sql_drop';
COMMENT ON FUNCTION db_guard.sql_drop() IS
'Notes for the log what a CASCADE took along.';

CREATE FUNCTION db_guard.table_rewrite()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_table_rewrite';
COMMENT ON FUNCTION db_guard.table_rewrite() IS
'The last net: refuses a table rewrite that no rule foresaw.';

-- The tags that rules look at, so that other statements do not even enter.
CREATE EVENT TRIGGER db_guard_ddl_command_start ON ddl_command_start
    WHEN TAG IN ('ALTER AGGREGATE', 'ALTER DEFAULT PRIVILEGES', 'ALTER DOMAIN', 'ALTER FOREIGN TABLE',
                 'ALTER FUNCTION', 'ALTER INDEX', 'ALTER MATERIALIZED VIEW', 'ALTER PROCEDURE',
                 'ALTER ROUTINE', 'ALTER SCHEMA', 'ALTER SEQUENCE', 'ALTER TABLE', 'ALTER TYPE',
                 'ALTER VIEW', 'CREATE DOMAIN', 'CREATE EXTENSION', 'CREATE FOREIGN TABLE',
                 'CREATE FUNCTION', 'CREATE INDEX', 'CREATE MATERIALIZED VIEW', 'CREATE PROCEDURE',
                 'CREATE SEQUENCE', 'CREATE TABLE', 'CREATE TABLE AS', 'CREATE TYPE',
                 'DROP AGGREGATE', 'DROP DOMAIN', 'DROP EXTENSION', 'DROP FOREIGN TABLE',
                 'DROP FUNCTION', 'DROP INDEX', 'DROP MATERIALIZED VIEW', 'DROP OPERATOR',
                 'DROP OWNED', 'DROP POLICY', 'DROP PROCEDURE', 'DROP ROUTINE', 'DROP SCHEMA',
                 'DROP SEQUENCE', 'DROP TABLE', 'DROP TYPE', 'DROP VIEW', 'GRANT',
                 'REFRESH MATERIALIZED VIEW', 'SELECT INTO')
    EXECUTE FUNCTION db_guard.ddl_command_start();
CREATE EVENT TRIGGER db_guard_ddl_command_end ON ddl_command_end
    EXECUTE FUNCTION db_guard.ddl_command_end();
CREATE EVENT TRIGGER db_guard_sql_drop ON sql_drop
    EXECUTE FUNCTION db_guard.sql_drop();
CREATE EVENT TRIGGER db_guard_table_rewrite ON table_rewrite
    EXECUTE FUNCTION db_guard.table_rewrite();

COMMENT ON EVENT TRIGGER db_guard_ddl_command_start IS 'db_guard: judges DDL before it takes a lock.';
COMMENT ON EVENT TRIGGER db_guard_ddl_command_end IS 'db_guard: logs DDL.';
COMMENT ON EVENT TRIGGER db_guard_sql_drop IS 'db_guard: logs what a CASCADE drops.';
COMMENT ON EVENT TRIGGER db_guard_table_rewrite IS 'db_guard: refuses table rewrites that no rule foresaw.';

-- REINDEX shows itself to event triggers from PostgreSQL 17 on; before, naming it is an error.
DO $do$
BEGIN
    IF pg_catalog.current_setting('server_version_num')::integer < 170000 THEN
        RETURN;
    END IF;
    CREATE EVENT TRIGGER db_guard_reindex_start ON ddl_command_start
        WHEN TAG IN ('REINDEX')
        EXECUTE FUNCTION db_guard.ddl_command_start();
    COMMENT ON EVENT TRIGGER db_guard_reindex_start IS 'db_guard: judges REINDEX before it takes a lock.';
END
$do$;

CREATE FUNCTION db_guard.is_judging()
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_is_judging';
COMMENT ON FUNCTION db_guard.is_judging() IS
'Whether db_guard.mode is anything but off in this session.';

CREATE FUNCTION db_guard.is_preloaded()
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_is_preloaded';
COMMENT ON FUNCTION db_guard.is_preloaded() IS
'Whether db_guard was loaded before the first statement of this session, by session_preload_libraries or the like.';

CREATE VIEW db_guard.coverage AS
WITH state AS (
    SELECT (SELECT evtenabled IN ('O', 'A')
              FROM pg_catalog.pg_event_trigger
             WHERE evtname = 'db_guard_ddl_command_start') AS trigger_enabled,
           -- Superusers can switch event triggers off for a session, from 17 on.
           coalesce(pg_catalog.current_setting('event_triggers', true), 'on') = 'on' AS triggers_fire,
           pg_catalog.current_setting('session_replication_role') <> 'replica' AS not_replica,
           pg_catalog.current_setting('server_version_num')::integer >= 170000 AS reindex_is_seen,
           db_guard.is_preloaded() AS preloaded,
           db_guard.is_judging() AS judging,
           coalesce(pg_catalog.current_setting('db_guard.policy_packs', true), '') <> '' AS any_pack,
           pg_catalog.format('no policy pack holds: ALTER DATABASE %I SET db_guard.policy_packs = ''all''',
                             pg_catalog.current_database()) AS choose_pack,
           pg_catalog.format('event triggers do not see it: ALTER DATABASE %I SET session_preload_libraries = %s, and connect again',
                             pg_catalog.current_database(),
                             pg_catalog.concat_ws(', ',
                                  -- Not everybody may read it.
                                  CASE WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
                                       THEN nullif(pg_catalog.current_setting('session_preload_libraries'), '') END, 'db_guard')) AS preload
), class (command_class, seen_by, remark) AS (
    VALUES ('ALTER TABLE: columns, column types, constraints, renames', 'triggers', NULL),
           ('ALTER VIEW, MATERIALIZED VIEW, FOREIGN TABLE: renames, columns', 'triggers', NULL),
           ('ALTER DOMAIN: constraints, NOT NULL', 'triggers', NULL),
           ('CREATE INDEX', 'triggers', NULL),
           ('DROP INDEX', 'triggers', NULL),
           ('table rewrites of any other ALTER', 'triggers', NULL),
           ('DROP of tables, views, sequences, functions, types, schemas, policies', 'triggers', NULL),
           ('ATTACH and DETACH PARTITION, CREATE TABLE ... PARTITION OF', 'triggers', NULL),
           ('CREATE TABLE IF NOT EXISTS, CREATE TABLE AS, CREATE MATERIALIZED VIEW', 'triggers', NULL),
           ('REFRESH MATERIALIZED VIEW', 'triggers', NULL),
           ('CREATE TABLE, DOMAIN, TYPE ... AS ENUM, SEQUENCE, FUNCTION, EXTENSION; GRANT: how they are written', 'packs', NULL),
           ('ALTER TYPE ... ADD VALUE', 'triggers', NULL),
           ('several statements of one transaction: locks held, rows changed, triggers left disabled', 'triggers', NULL),
           ('other CREATE, ALTER and DROP of objects in this database', 'nobody',
            'logged, not judged: no rule looks at them'),
           ('TRUNCATE, LOCK, VACUUM FULL, CLUSTER', 'hook', NULL),
           ('REINDEX', 'either', NULL),
           ('ALTER SYSTEM; ALTER ROLE and ALTER DATABASE ... SET', 'hook', NULL),
           ('roles: superusers and their like, roles that are logged in', 'hook', NULL),
           ('DROP DATABASE', 'hook', NULL),
           ('CREATE DATABASE, tablespaces, ALTER EVENT TRIGGER', 'nobody',
            'never judged; logged where the library is preloaded'),
           ('INSERT, UPDATE and DELETE', 'nobody', 'no DDL: check_sql judges those of a script')
), judged AS (
    SELECT class.command_class, state.*,
           CASE class.seen_by WHEN 'packs' THEN state.choose_pack ELSE class.remark END AS remark,
           class.seen_by = 'nobody' OR class.seen_by = 'packs' AND NOT state.any_pack AS never,
           class.seen_by IN ('packs', 'triggers') OR class.seen_by <> 'nobody' AND state.preloaded
               OR class.seen_by = 'either' AND state.reindex_is_seen AS seen
      FROM class CROSS JOIN state
)
SELECT command_class,
       NOT never AND seen AND trigger_enabled AND triggers_fire AND not_replica AND judging AS guarded,
       CASE WHEN never THEN remark
            WHEN NOT seen THEN preload
            WHEN trigger_enabled IS NOT TRUE
            THEN 'the event trigger is disabled: ALTER EVENT TRIGGER db_guard_ddl_command_start ENABLE'
            WHEN NOT triggers_fire THEN 'event triggers are off in this session: SET event_triggers = on'
            WHEN NOT not_replica THEN 'this session acts as a replica: SET session_replication_role = origin'
            WHEN NOT judging THEN 'db_guard.mode is off: SET db_guard.mode = block'
            END AS what_to_do
  FROM judged;

COMMENT ON VIEW db_guard.coverage IS
'What db_guard judges in this session, and what it does not.';
COMMENT ON COLUMN db_guard.coverage.command_class IS 'Kind of statement.';
COMMENT ON COLUMN db_guard.coverage.guarded IS 'Whether rules judge it in this session.';
COMMENT ON COLUMN db_guard.coverage.what_to_do IS 'Why not, and what to do about it; NULL where it is guarded.';
GRANT SELECT ON db_guard.coverage TO PUBLIC;
