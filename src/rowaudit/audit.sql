-- rowaudit: the log of rows, its partitions, and what is made of it.

CREATE SEQUENCE db_guard.audit_clock AS bigint CACHE 1;
COMMENT ON SEQUENCE db_guard.audit_clock IS
'Numbers of audited events: microseconds since 2000-01-01 UTC times 256, and always higher than the last. Moved by the audit triggers only.';
REVOKE ALL ON SEQUENCE db_guard.audit_clock FROM PUBLIC;

CREATE SEQUENCE db_guard.audit_number AS integer CACHE 1;
COMMENT ON SEQUENCE db_guard.audit_number IS 'Numbers of audited tables and of the shapes of their images.';
REVOKE ALL ON SEQUENCE db_guard.audit_number FROM PUBLIC;

CREATE TABLE db_guard.audited_table (
    table_id       integer NOT NULL CONSTRAINT audited_table_pkey PRIMARY KEY,
    schema_name    text NOT NULL,
    table_name     text NOT NULL,
    ignore_columns text[] NOT NULL,
    redact_columns text[] NOT NULL,
    enabled        boolean NOT NULL,
    enabled_at     timestamptz NOT NULL,
    enabled_by     text NOT NULL
);
COMMENT ON TABLE db_guard.audited_table IS
'Tables that are or were audited. Written by db_guard.enable_audit and db_guard.disable_audit.';
COMMENT ON COLUMN db_guard.audited_table.table_id IS 'The number that the triggers of the table have as their argument; names may change, and catalog numbers are others after a restore.';
COMMENT ON COLUMN db_guard.audited_table.schema_name IS 'Schema of the table when its audit was last switched on or off.';
COMMENT ON COLUMN db_guard.audited_table.table_name IS 'Name of the table when its audit was last switched on or off.';
COMMENT ON COLUMN db_guard.audited_table.ignore_columns IS 'Columns that are not recorded; when nothing else changes there is no event.';
COMMENT ON COLUMN db_guard.audited_table.redact_columns IS 'Columns of which only is recorded that they have changed.';
COMMENT ON COLUMN db_guard.audited_table.enabled IS 'Whether its audit was switched on last, or off.';
COMMENT ON COLUMN db_guard.audited_table.enabled_at IS 'When it was last switched on.';
COMMENT ON COLUMN db_guard.audited_table.enabled_by IS 'The role that did.';
REVOKE ALL ON TABLE db_guard.audited_table FROM PUBLIC;

-- By row, and always: a COPY of a restore and an apply worker bring rows, too.
CREATE TRIGGER db_guard_tell_of_rows AFTER INSERT ON db_guard.audited_table
    FOR EACH ROW EXECUTE FUNCTION db_guard.tell_of_rows();
ALTER TABLE db_guard.audited_table ENABLE ALWAYS TRIGGER db_guard_tell_of_rows;
COMMENT ON TRIGGER db_guard_tell_of_rows ON db_guard.audited_table IS
'Tells sessions that remember the table as empty.';

CREATE TABLE db_guard.audit_shape (
    shape_id      integer NOT NULL CONSTRAINT audit_shape_pkey PRIMARY KEY,
    table_id      integer NOT NULL,
    recorded_at   timestamptz NOT NULL,
    origin        text NOT NULL,
    relation      oid NOT NULL,
    relation_name text NOT NULL,
    key_columns   smallint NOT NULL,
    attnums       smallint[] NOT NULL,
    column_ids    smallint[] NOT NULL,
    names         text[] NOT NULL,
    types         oid[] NOT NULL,
    typmods       integer[] NOT NULL,
    forms         "char"[] NOT NULL,
    missing       bytea[] NOT NULL
);
CREATE INDEX audit_shape_table ON db_guard.audit_shape (table_id);
COMMENT ON TABLE db_guard.audit_shape IS
'How images of rows are written: which columns, in which order and form. Every image names its shape, so that it can be read whatever has become of the table.';
COMMENT ON COLUMN db_guard.audit_shape.shape_id IS 'The number that images begin with.';
COMMENT ON COLUMN db_guard.audit_shape.table_id IS 'As in db_guard.audited_table.';
COMMENT ON COLUMN db_guard.audit_shape.recorded_at IS 'When the table was first seen like this.';
COMMENT ON COLUMN db_guard.audit_shape.origin IS 'The cluster and database where relation and attnums mean something: its system identifier and the number of the database.';
COMMENT ON COLUMN db_guard.audit_shape.relation IS 'The table or partition, there.';
COMMENT ON COLUMN db_guard.audit_shape.relation_name IS 'Its name then.';
COMMENT ON COLUMN db_guard.audit_shape.key_columns IS 'How many columns at the beginning are the primary key; 0: the table had none, or not all of it is recorded.';
COMMENT ON COLUMN db_guard.audit_shape.attnums IS 'Attribute numbers, there.';
COMMENT ON COLUMN db_guard.audit_shape.column_ids IS 'The same number in all shapes of the table is the same column, renamed or not.';
COMMENT ON COLUMN db_guard.audit_shape.names IS 'Names of the columns then.';
COMMENT ON COLUMN db_guard.audit_shape.types IS 'Types of the values, below domains; only built-in types are written in their own form.';
COMMENT ON COLUMN db_guard.audit_shape.typmods IS 'Type modifiers.';
COMMENT ON COLUMN db_guard.audit_shape.forms IS 'How values are written: i integers of variable length, f fixed bytes, v length and bytes, t text, x not at all (redacted).';
COMMENT ON COLUMN db_guard.audit_shape.missing IS 'What rows hold that are older than the column, in its form; NULL: nothing.';
REVOKE ALL ON TABLE db_guard.audit_shape FROM PUBLIC;

CREATE TABLE db_guard.audit_mark (
    mark_id  bigint NOT NULL CONSTRAINT audit_mark_pkey PRIMARY KEY,
    transaction bigint NOT NULL,
    table_id integer NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('start', 'baseline', 'rewrite', 'gap', 'end')),
    reason   text,
    first_id bigint,
    last_id  bigint,
    txid     xid8 NOT NULL,
    snapshot pg_snapshot NOT NULL,
    origin   text NOT NULL
);
CREATE INDEX audit_mark_table ON db_guard.audit_mark (table_id);
COMMENT ON TABLE db_guard.audit_mark IS
'From where the log of a table can be folded, and where it cannot.';
COMMENT ON COLUMN db_guard.audit_mark.mark_id IS 'A number from db_guard.audit_clock.';
COMMENT ON COLUMN db_guard.audit_mark.transaction IS 'Its id in db_guard.audit_transaction.';
COMMENT ON COLUMN db_guard.audit_mark.table_id IS 'As in db_guard.audited_table.';
COMMENT ON COLUMN db_guard.audit_mark.kind IS 'start: the audit was switched on. baseline: all rows are recorded. rewrite: the same, after DDL has changed rows. gap: rows have changed and nobody has recorded it. end: the audit was switched off.';
COMMENT ON COLUMN db_guard.audit_mark.reason IS 'What made the gap or the rewrite.';
COMMENT ON COLUMN db_guard.audit_mark.first_id IS 'The first event of a baseline; NULL: the table was empty.';
COMMENT ON COLUMN db_guard.audit_mark.last_id IS 'The last event of a baseline.';
COMMENT ON COLUMN db_guard.audit_mark.txid IS 'The transaction that it was made in.';
COMMENT ON COLUMN db_guard.audit_mark.snapshot IS 'Transactions that it has seen need not be folded again.';
COMMENT ON COLUMN db_guard.audit_mark.origin IS 'The cluster and database where transaction numbers mean something.';
REVOKE ALL ON TABLE db_guard.audit_mark FROM PUBLIC;

CREATE TABLE db_guard.audit_transaction (
    id                bigint NOT NULL,
    commit_id         bigint NOT NULL,
    txid              xid8 NOT NULL,
    role_name         text,
    session_user_name text,
    claimed_actor     text,
    context           text,
    application_name  text,
    client_address    inet,
    process_id        integer NOT NULL
) PARTITION BY RANGE (id);
-- The partitions have indexes of their own: one of the whole would make them again in a restore.
COMMENT ON TABLE db_guard.audit_transaction IS
'Who wrote: a row for each transaction that changed audited tables, and another where it changed its role, db_guard.actor or db_guard.context.';
COMMENT ON COLUMN db_guard.audit_transaction.id IS 'A number from db_guard.audit_clock, drawn at the first event.';
COMMENT ON COLUMN db_guard.audit_transaction.commit_id IS 'The same just before the commit: in this order transactions changed each row.';
COMMENT ON COLUMN db_guard.audit_transaction.txid IS 'As pg_current_xact_id() says it.';
COMMENT ON COLUMN db_guard.audit_transaction.role_name IS 'The role that logged in or that of SET ROLE, also where a SECURITY DEFINER function did the work.';
COMMENT ON COLUMN db_guard.audit_transaction.session_user_name IS 'The role that logged in, or that of SET SESSION AUTHORIZATION.';
COMMENT ON COLUMN db_guard.audit_transaction.claimed_actor IS 'db_guard.actor, as the application claims it.';
COMMENT ON COLUMN db_guard.audit_transaction.context IS 'db_guard.context, as the application claims it.';
COMMENT ON COLUMN db_guard.audit_transaction.application_name IS 'As the client claims it.';
COMMENT ON COLUMN db_guard.audit_transaction.client_address IS 'NULL for a connection by Unix-domain socket.';
COMMENT ON COLUMN db_guard.audit_transaction.process_id IS 'Of the server process.';
REVOKE ALL ON TABLE db_guard.audit_transaction FROM PUBLIC;

CREATE TABLE db_guard.audit_event (
    audit_id    bigint NOT NULL,
    transaction bigint NOT NULL,
    table_id    integer NOT NULL,
    op          "char" NOT NULL,
    payload     bytea NOT NULL
) PARTITION BY RANGE (audit_id);
COMMENT ON TABLE db_guard.audit_event IS
'The log, as it is stored. db_guard.audit_log shows it readably.';
COMMENT ON COLUMN db_guard.audit_event.audit_id IS 'Ascending, from db_guard.audit_clock: when, and in which order.';
COMMENT ON COLUMN db_guard.audit_event.transaction IS 'Its id in db_guard.audit_transaction.';
COMMENT ON COLUMN db_guard.audit_event.table_id IS 'As in db_guard.audited_table.';
COMMENT ON COLUMN db_guard.audit_event.op IS 'I insert, U update, F update with the whole row before, M the same where the key changed, D delete, t a row that TRUNCATE removed, T the TRUNCATE, B a row that was there already.';
COMMENT ON COLUMN db_guard.audit_event.payload IS 'Shape, command, key and values, packed.';
REVOKE ALL ON TABLE db_guard.audit_event FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('db_guard.audit_clock', '');
SELECT pg_catalog.pg_extension_config_dump('db_guard.audit_number', '');
SELECT pg_catalog.pg_extension_config_dump('db_guard.audited_table', '');
SELECT pg_catalog.pg_extension_config_dump('db_guard.audit_shape', '');
SELECT pg_catalog.pg_extension_config_dump('db_guard.audit_mark', '');

-- --- capture ---------------------------------------------------------------------------------------

CREATE FUNCTION db_guard.audit_statement()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_audit_statement';
COMMENT ON FUNCTION db_guard.audit_statement() IS
'Records the rows of an INSERT, UPDATE or DELETE. Its argument is the table''s number in db_guard.audited_table.';
-- Whoever may make a trigger with it may forge entries.
REVOKE ALL ON FUNCTION db_guard.audit_statement() FROM PUBLIC;

CREATE FUNCTION db_guard.audit_row()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_audit_row';
COMMENT ON FUNCTION db_guard.audit_row() IS
'Records a row where triggers on statements do not fire: session_replication_role = replica, and logical replication.';
REVOKE ALL ON FUNCTION db_guard.audit_row() FROM PUBLIC;

CREATE FUNCTION db_guard.audit_truncate()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_audit_truncate';
COMMENT ON FUNCTION db_guard.audit_truncate() IS
'Records all rows that a TRUNCATE is about to remove.';
REVOKE ALL ON FUNCTION db_guard.audit_truncate() FROM PUBLIC;

CREATE FUNCTION db_guard.make_audit_partitions(ahead integer DEFAULT 2)
RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_make_audit_partitions';
COMMENT ON FUNCTION db_guard.make_audit_partitions(integer) IS
'Makes the partitions of the log for this period and for that many more, as wide as db_guard.audit_partition says; returns for how many periods one was missing. Nobody needs to call it: enable_audit, prune_audit and, in the background, writers do.';
REVOKE ALL ON FUNCTION db_guard.make_audit_partitions(integer) FROM PUBLIC;

CREATE FUNCTION db_guard.enable_audit(
    target regclass, ignore_columns name[] DEFAULT '{}', redact_columns name[] DEFAULT '{}')
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_enable_audit';
COMMENT ON FUNCTION db_guard.enable_audit(regclass, name[], name[]) IS
'Records every change of the table''s rows from now on; of redact_columns only that they changed, of ignore_columns nothing. For the owner of the table. Takes SHARE ROW EXCLUSIVE, for a moment. Rows that are there are recorded at once in tables up to db_guard.small_table_size; for larger ones SELECT db_guard.baseline_audit(...) does so afterwards. Calling it again changes the lists.';
REVOKE ALL ON FUNCTION db_guard.enable_audit(regclass, name[], name[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.enable_audit(regclass, name[], name[]) TO PUBLIC;

CREATE FUNCTION db_guard.baseline_audit(target regclass)
RETURNS bigint
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_baseline_audit';
COMMENT ON FUNCTION db_guard.baseline_audit(regclass) IS
'Records all rows of an audited table as they are, so that folding the log can begin there; returns how many. Writers go on meanwhile: it takes ACCESS SHARE only. For the owner of the table.';
REVOKE ALL ON FUNCTION db_guard.baseline_audit(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.baseline_audit(regclass) TO PUBLIC;

CREATE FUNCTION db_guard.disable_audit(target regclass)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_disable_audit';
COMMENT ON FUNCTION db_guard.disable_audit(regclass) IS
'Records no more changes of the table. The log stays. For the owner of the table. Takes ACCESS EXCLUSIVE, for a moment.';
REVOKE ALL ON FUNCTION db_guard.disable_audit(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.disable_audit(regclass) TO PUBLIC;

CREATE FUNCTION db_guard.audit_key_hash(table_id integer, payload bytea)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'db_guard_audit_key_hash';
COMMENT ON FUNCTION db_guard.audit_key_hash(integer, bytea) IS
'A hash of the primary key that an event is about, and of its table. For the index that db_guard.create_audit_index makes.';
REVOKE ALL ON FUNCTION db_guard.audit_key_hash(integer, bytea) FROM PUBLIC;
-- Whoever writes an audited row enters it into the index, and learns nothing by it.
GRANT EXECUTE ON FUNCTION db_guard.audit_key_hash(integer, bytea) TO PUBLIC;

CREATE FUNCTION db_guard.create_audit_index()
RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_create_audit_index';
COMMENT ON FUNCTION db_guard.create_audit_index() IS
'Makes indexes on the partitions of the audit log, and on those that come, by which db_guard.audit_history finds a row; returns how many were missing. Writers of the partition wait while its index is built, so call it while the log is small, or build the index of a large partition CONCURRENTLY first. For the owner of the extension.';
REVOKE ALL ON FUNCTION db_guard.create_audit_index() FROM PUBLIC;

CREATE FUNCTION db_guard.audit_command(payload bytea)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'db_guard_audit_command';
COMMENT ON FUNCTION db_guard.audit_command(bytea) IS
'The command of its transaction that an event is of: what triggers do in between has a higher one.';
REVOKE ALL ON FUNCTION db_guard.audit_command(bytea) FROM PUBLIC;

-- --- reading ---------------------------------------------------------------------------------------

CREATE FUNCTION db_guard.audit_entries(target regclass DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
RETURNS TABLE (audit_id bigint, at timestamptz, committed_at timestamptz, txid xid8, table_id integer,
               schema_name text, table_name text, op text, key jsonb, old jsonb, new jsonb, changed name[],
               role_name text, session_user_name text, claimed_actor text, context text,
               application_name text, client_address inet)
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_audit_entries';
COMMENT ON FUNCTION db_guard.audit_entries(regclass, timestamptz, timestamptz) IS
'The audit log readably, in the order of the events: of one table, or of all (NULL), since and until a time. For the owner of the table, and for roles with SELECT on db_guard.audit_log. An update shows its key and what has changed; columns are named as they were then.';
REVOKE ALL ON FUNCTION db_guard.audit_entries(regclass, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.audit_entries(regclass, timestamptz, timestamptz) TO PUBLIC;

CREATE VIEW db_guard.audit_log AS SELECT * FROM db_guard.audit_entries();
COMMENT ON VIEW db_guard.audit_log IS
'All audited changes. SELECT on it is the right to read the whole log; nobody has it but the extension''s owner. db_guard.audit_entries reads part of it without going through the rest.';
COMMENT ON COLUMN db_guard.audit_log.audit_id IS 'Number of the event, ascending.';
COMMENT ON COLUMN db_guard.audit_log.at IS 'When the row was written.';
COMMENT ON COLUMN db_guard.audit_log.committed_at IS 'When its transaction was about to commit; NULL: it is this transaction.';
COMMENT ON COLUMN db_guard.audit_log.txid IS 'Its transaction.';
COMMENT ON COLUMN db_guard.audit_log.table_id IS 'As in db_guard.audited_table.';
COMMENT ON COLUMN db_guard.audit_log.schema_name IS 'Schema of the table, as it is called now or was last.';
COMMENT ON COLUMN db_guard.audit_log.table_name IS 'Name of the table.';
COMMENT ON COLUMN db_guard.audit_log.op IS 'INSERT, UPDATE, DELETE, TRUNCATE (a row that one removed, or, without a row, the statement), BASELINE (a row that was there already).';
COMMENT ON COLUMN db_guard.audit_log.key IS 'Primary key of the row before; NULL where the table had none.';
COMMENT ON COLUMN db_guard.audit_log.old IS 'The row before; of an update that did not change the key, only the changed columns.';
COMMENT ON COLUMN db_guard.audit_log.new IS 'The row after; the same.';
COMMENT ON COLUMN db_guard.audit_log.changed IS 'What an update changed, redacted columns included.';
COMMENT ON COLUMN db_guard.audit_log.role_name IS 'The role that logged in or that of SET ROLE.';
COMMENT ON COLUMN db_guard.audit_log.session_user_name IS 'The role that logged in.';
COMMENT ON COLUMN db_guard.audit_log.claimed_actor IS 'db_guard.actor, as the application claims it.';
COMMENT ON COLUMN db_guard.audit_log.context IS 'db_guard.context, as the application claims it.';
COMMENT ON COLUMN db_guard.audit_log.application_name IS 'As the client claims it.';
COMMENT ON COLUMN db_guard.audit_log.client_address IS 'NULL for a connection by Unix-domain socket.';
REVOKE ALL ON TABLE db_guard.audit_log FROM PUBLIC;

CREATE FUNCTION db_guard.audit_history(target regclass, key jsonb)
RETURNS TABLE (audit_id bigint, at timestamptz, op text, actor text, txid xid8, old jsonb, new jsonb,
               changed name[], session_user_name text, claimed_actor text, context text,
               committed_at timestamptz)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_audit_history';
COMMENT ON FUNCTION db_guard.audit_history(regclass, jsonb) IS
'What happened to the row of that primary key, such as {"id": 5}, in order: whole rows before and after as far as the log knows them. Of a table without a primary key, all events on rows with these values. actor is the role; claimed_actor what the application says. For the owner of the table, and for roles with SELECT on db_guard.audit_log.';
REVOKE ALL ON FUNCTION db_guard.audit_history(regclass, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.audit_history(regclass, jsonb) TO PUBLIC;

CREATE FUNCTION db_guard.audit_as_of(row_type anyelement, at timestamptz)
RETURNS SETOF anyelement
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_audit_as_of';
COMMENT ON FUNCTION db_guard.audit_as_of(anyelement, timestamptz) IS
'The rows of an audited table as the log has them at that time: what was committed by then. SELECT * FROM db_guard.audit_as_of(NULL::orders, now()). Columns are today''s; those that are not recorded are NULL. For the owner of the table, and for roles with SELECT on db_guard.audit_log.';
REVOKE ALL ON FUNCTION db_guard.audit_as_of(anyelement, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.audit_as_of(anyelement, timestamptz) TO PUBLIC;

CREATE FUNCTION db_guard.revert_change(audit_id bigint)
RETURNS bigint
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_revert_change';
COMMENT ON FUNCTION db_guard.revert_change(bigint) IS
'Gives a row back what it held before that change, deletes it where it was inserted, inserts it where it was deleted; returns how many rows that took. Runs with the caller''s rights on the table, is audited itself, and refuses where a later change is in the way. Columns that enable_updated_at, enable_row_version or moddatetime maintain follow it. For who may read the log of the table. Errors: 55000 a later change is in the way, 27000 a trigger, policy or cascade kept a row, 02000 no such change, 42P01 the table is gone, 0A000 a redacted column, 42501 may not read the log.';
REVOKE ALL ON FUNCTION db_guard.revert_change(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.revert_change(bigint) TO PUBLIC;

CREATE FUNCTION db_guard.revert_transaction(txid xid8)
RETURNS bigint
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_revert_transaction';
COMMENT ON FUNCTION db_guard.revert_transaction(xid8) IS
'The same for all that a transaction changed in audited tables, row by row what it came to: parents come back before their children, new rows go after theirs. Refuses, with a list, where later changes are in the way.';
REVOKE ALL ON FUNCTION db_guard.revert_transaction(xid8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.revert_transaction(xid8) TO PUBLIC;

-- --- keeping less, and proving that nobody has touched it --------------------------------------------

CREATE FUNCTION db_guard.prune_audit(older_than interval)
RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_prune_audit';
COMMENT ON FUNCTION db_guard.prune_audit(interval) IS
'Drops the partitions of the audit log that hold only events older than the interval, returns how many, and makes the next ones. Writers do not wait; readers of the log do, for a moment. A table whose baseline went needs a new one, by db_guard.baseline_audit, to be folded to points after that. For the owner of the extension.';
REVOKE ALL ON FUNCTION db_guard.prune_audit(interval) FROM PUBLIC;

CREATE TABLE db_guard.audit_seal (
    seal_id   bigint NOT NULL CONSTRAINT audit_seal_pkey PRIMARY KEY,
    origin    text NOT NULL,
    from_txid xid8 NOT NULL,
    to_txid   xid8 NOT NULL,
    since_id  bigint NOT NULL,
    events    bigint NOT NULL,
    first_id  bigint,
    last_id   bigint,
    previous  bytea NOT NULL,
    digest    bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    sealed_by text NOT NULL
);
COMMENT ON TABLE db_guard.audit_seal IS
'Digests of the audit log, each over whole transactions and over the digest before. Keep the newest digest where nobody who can write here can write.';
COMMENT ON COLUMN db_guard.audit_seal.seal_id IS '1, 2, 3 ...';
COMMENT ON COLUMN db_guard.audit_seal.origin IS 'The cluster and database where the transaction numbers mean something.';
COMMENT ON COLUMN db_guard.audit_seal.from_txid IS 'The first transaction number that it covers.';
COMMENT ON COLUMN db_guard.audit_seal.to_txid IS 'The first that it does not cover; all below were over.';
COMMENT ON COLUMN db_guard.audit_seal.since_id IS 'Rows with lower numbers are of another cluster, before a restore.';
COMMENT ON COLUMN db_guard.audit_seal.events IS 'How many events it covers.';
COMMENT ON COLUMN db_guard.audit_seal.first_id IS 'The first of them.';
COMMENT ON COLUMN db_guard.audit_seal.last_id IS 'The last of them.';
COMMENT ON COLUMN db_guard.audit_seal.previous IS 'The digest of the seal before; empty in the first.';
COMMENT ON COLUMN db_guard.audit_seal.digest IS 'SHA-256 over the previous digest, the rows of db_guard.audit_transaction and the events.';
COMMENT ON COLUMN db_guard.audit_seal.sealed_at IS 'When.';
COMMENT ON COLUMN db_guard.audit_seal.sealed_by IS 'By which role.';
REVOKE ALL ON TABLE db_guard.audit_seal FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('db_guard.audit_seal', '');

CREATE FUNCTION db_guard.audit_digest(
    previous bytea, from_txid xid8, to_txid xid8, since_id bigint, until_id bigint,
    OUT digest bytea, OUT events bigint, OUT first_id bigint, OUT last_id bigint)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_audit_digest';
COMMENT ON FUNCTION db_guard.audit_digest(bytea, xid8, xid8, bigint, bigint) IS
'SHA-256 over the previous digest and the part of the audit log that these transactions have written. For seal_audit and verify_audit.';
REVOKE ALL ON FUNCTION db_guard.audit_digest(bytea, xid8, xid8, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION db_guard.audit_digests()
RETURNS TABLE (seal_id bigint, digest bytea, events bigint)
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_audit_digests';
COMMENT ON FUNCTION db_guard.audit_digests() IS
'What db_guard.audit_digest says of each seal, computed for all of them in one pass over the log. For verify_audit.';
REVOKE ALL ON FUNCTION db_guard.audit_digests() FROM PUBLIC;

CREATE VIEW db_guard.audit_origin AS
SELECT s.origin,
       (extract(epoch FROM min(s.recorded_at) - '2000-01-01 00:00:00+00'::timestamptz) * 256000000)::bigint AS since_id
  FROM db_guard.audit_shape s
 GROUP BY s.origin;
COMMENT ON VIEW db_guard.audit_origin IS 'Clusters and databases that the log has been written in, and from which number on.';
COMMENT ON COLUMN db_guard.audit_origin.origin IS 'System identifier and number of the database.';
COMMENT ON COLUMN db_guard.audit_origin.since_id IS 'Every number drawn there is higher.';
REVOKE ALL ON TABLE db_guard.audit_origin FROM PUBLIC;

CREATE FUNCTION db_guard.seal_audit(OUT seal_id bigint, OUT events bigint, OUT digest bytea)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    -- One after the other, and each with what is committed when it gets here.
    LOCK TABLE db_guard.audit_seal IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO db_guard.audit_seal AS s
    SELECT coalesce(last.seal_id, 0) + 1, here.origin, stretch.from_txid, stretch.to_txid, here.since_id,
           d.events, d.first_id, d.last_id, coalesce(last.digest, ''), d.digest, clock_timestamp(), session_user
      FROM (SELECT o.origin, o.since_id FROM db_guard.audit_origin o
             WHERE o.origin = (SELECT c.system_identifier FROM pg_control_system() c) || '/' ||
                              (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())) AS here
      LEFT JOIN LATERAL (SELECT l.seal_id, l.digest FROM db_guard.audit_seal l
                          ORDER BY l.seal_id DESC LIMIT 1) AS last ON true
     CROSS JOIN LATERAL (SELECT coalesce((SELECT max(l.to_txid) FROM (SELECT l.to_txid::text::numeric AS to_txid
                                                                        FROM db_guard.audit_seal l
                                                                       WHERE l.origin = here.origin) AS l)::text::xid8, '0') AS from_txid,
                                pg_snapshot_xmin(pg_current_snapshot()) AS to_txid) AS stretch
     CROSS JOIN LATERAL db_guard.audit_digest(coalesce(last.digest, ''), stretch.from_txid, stretch.to_txid,
                                              here.since_id, 9223372036854775807) AS d;
    SELECT s.seal_id, s.events, s.digest FROM db_guard.audit_seal s ORDER BY s.seal_id DESC LIMIT 1;
$$;
COMMENT ON FUNCTION db_guard.seal_audit() IS
'Seals what transactions have written that are over and not sealed yet: a digest over it and over the seal before. Returns the newest seal; keep its digest elsewhere. For the owner of the extension.';
REVOKE ALL ON FUNCTION db_guard.seal_audit() FROM PUBLIC;

CREATE FUNCTION db_guard.verify_audit(anchor bytea DEFAULT NULL)
RETURNS TABLE (seal_id bigint, sealed_at timestamptz, events bigint, state text, detail text)
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH oldest AS (
        SELECT min(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM .''?([0-9]+)')::bigint) AS id
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'db_guard.audit_event'::regclass
    ), seals AS (
        SELECT s.*, lag(s.digest, 1, ''::bytea) OVER (ORDER BY s.seal_id) AS link,
               row_number() OVER (ORDER BY s.seal_id) AS place
          FROM db_guard.audit_seal s
    ), checked AS (
        SELECT s.*, d.digest AS now, d.events AS events_now, s.first_id < (SELECT oldest.id FROM oldest) AS pruned
          FROM seals s JOIN db_guard.audit_digests() AS d ON d.seal_id = s.seal_id
    )
    SELECT c.seal_id, c.sealed_at, c.events,
           CASE WHEN c.link <> c.previous OR c.place <> c.seal_id THEN 'broken'
                WHEN c.pruned THEN 'pruned'
                WHEN c.now <> c.digest THEN 'changed' ELSE 'ok' END,
           CASE WHEN c.link <> c.previous OR c.place <> c.seal_id
                THEN 'the seal before is missing or another one'
                WHEN c.pruned THEN 'events of it went with a partition'
                WHEN c.now <> c.digest
                THEN pg_catalog.format('%s events were sealed, %s are there now; what they say has been changed', c.events, c.events_now)
           END
      FROM checked c
    UNION ALL
    SELECT NULL, NULL, NULL, 'missing', 'no seal has the digest that was kept elsewhere'
     WHERE verify_audit.anchor IS NOT NULL
       AND NOT EXISTS (SELECT FROM db_guard.audit_seal s WHERE s.digest = verify_audit.anchor)
    UNION ALL
    -- Nobody writes an event without its transaction, but whoever forges one.
    SELECT NULL, NULL, pg_catalog.count(*), 'forged', 'events of transactions that never were'
      FROM db_guard.audit_event e
     WHERE NOT EXISTS (SELECT FROM db_guard.audit_transaction known WHERE known.id = e.transaction)
    HAVING pg_catalog.count(*) > 0
     ORDER BY 1;
$$;
COMMENT ON FUNCTION db_guard.verify_audit(bytea) IS
'Computes the digests of all seals again. state: ok, changed (events or their transactions were changed, added or removed), broken (a seal is missing or was replaced), pruned (events went with a partition), and rows of their own: missing, where no seal has the given digest, forged, where events are of no transaction. For the owner of the extension.';
REVOKE ALL ON FUNCTION db_guard.verify_audit(bytea) FROM PUBLIC;

-- --- keeping up with DDL ----------------------------------------------------------------------------

CREATE FUNCTION db_guard.audit_ddl_start()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_audit_ddl_start';
COMMENT ON FUNCTION db_guard.audit_ddl_start() IS
'Records the rows of a partition of an audited table that is about to be dropped.';
REVOKE ALL ON FUNCTION db_guard.audit_ddl_start() FROM PUBLIC;

CREATE FUNCTION db_guard.audit_ddl_end()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_audit_ddl_end';
COMMENT ON FUNCTION db_guard.audit_ddl_end() IS
'Notes what an audited table looks like after an ALTER TABLE, and records rows that came or went with a partition or were rewritten.';
REVOKE ALL ON FUNCTION db_guard.audit_ddl_end() FROM PUBLIC;

CREATE FUNCTION db_guard.audit_table_rewrite()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_audit_table_rewrite';
COMMENT ON FUNCTION db_guard.audit_table_rewrite() IS
'Notes that an ALTER TABLE is about to give the rows of an audited table other values.';
REVOKE ALL ON FUNCTION db_guard.audit_table_rewrite() FROM PUBLIC;

CREATE FUNCTION db_guard.audit_drop()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_audit_drop';
COMMENT ON FUNCTION db_guard.audit_drop() IS
'Notes that an audited table, one of its partitions or its triggers have been dropped.';
REVOKE ALL ON FUNCTION db_guard.audit_drop() FROM PUBLIC;

-- Their names come after those of the guard: what it refuses takes no lock.
CREATE EVENT TRIGGER db_guard_row_audit_start ON ddl_command_start
    WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION db_guard.audit_ddl_start();
CREATE EVENT TRIGGER db_guard_row_audit_end ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION db_guard.audit_ddl_end();
CREATE EVENT TRIGGER db_guard_row_audit_rewrite ON table_rewrite
    EXECUTE FUNCTION db_guard.audit_table_rewrite();
CREATE EVENT TRIGGER db_guard_row_audit_drop ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'DROP TRIGGER', 'DROP EXTENSION')
    EXECUTE FUNCTION db_guard.audit_drop();
-- Rows change under session_replication_role = replica, too.
ALTER EVENT TRIGGER db_guard_row_audit_start ENABLE ALWAYS;
ALTER EVENT TRIGGER db_guard_row_audit_end ENABLE ALWAYS;
ALTER EVENT TRIGGER db_guard_row_audit_rewrite ENABLE ALWAYS;
ALTER EVENT TRIGGER db_guard_row_audit_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER db_guard_row_audit_start IS 'db_guard: records the rows of partitions that are dropped.';
COMMENT ON EVENT TRIGGER db_guard_row_audit_end IS 'db_guard: keeps the audit in step with ALTER TABLE and new partitions.';
COMMENT ON EVENT TRIGGER db_guard_row_audit_rewrite IS 'db_guard: notes rewrites of audited tables.';
COMMENT ON EVENT TRIGGER db_guard_row_audit_drop IS 'db_guard: notes what is dropped of audited tables.';
