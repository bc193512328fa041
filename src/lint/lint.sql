-- lint: looking before leaping.

CREATE FUNCTION db_guard.work_rates(
    OUT work text, OUT bytes_per_ms double precision, OUT statements bigint)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE
-- The log is its owner's alone; how fast this server rewrites tables may be known to all.
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT rule.work,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY (finding ->> 'bytes')::double precision / entry.duration_ms),
           count(*)
      FROM db_guard.ddl_log AS entry
     CROSS JOIN LATERAL jsonb_array_elements(entry.findings) AS finding
      JOIN db_guard.rules AS rule ON rule.rule = finding ->> 'rule'
     WHERE entry.outcome <> 'blocked'
       AND jsonb_array_length(entry.findings) = 1
       AND rule.work IN ('rewrite', 'scan', 'index build')
       -- Shorter statements tell about overhead, not about speed.
       AND entry.duration_ms >= 50
       AND (finding ->> 'bytes')::double precision >= 1024 * 1024
       -- The newest 2,000 pages: a long log must not make a prediction slow.
       AND entry.ctid >= format('(%s,0)', greatest(
               pg_relation_size('db_guard.ddl_log') / current_setting('block_size')::bigint - 2000, 0))::tid
     GROUP BY rule.work
$$;

COMMENT ON FUNCTION db_guard.work_rates() IS
'How many bytes of a table this server has rewritten, scanned or indexed in a millisecond: the median of what db_guard.ddl_log remembers of statements of 50 ms and more. Waiting for locks is in it.';

CREATE FUNCTION db_guard.explain_ddl(
    sql text,
    OUT statement integer, OUT command text, OUT relation text, OUT lock_mode text,
    OUT rewrite boolean, OUT scan boolean, OUT index_build boolean, OUT fk_check boolean,
    OUT proof text, OUT rows bigint, OUT bytes bigint,
    OUT blocks_reads boolean, OUT blocks_writes boolean, OUT blocked_by integer[],
    OUT certainty text, OUT line integer, OUT estimated_ms double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_explain_ddl';

COMMENT ON FUNCTION db_guard.explain_ddl(text) IS
'What each statement of a script will do to every relation that exists before it: lock, rewrite, scan, index build, foreign-key check. Changes nothing, and waits for nobody. One row with relation NULL where a statement locks nothing; certainty is exact, estimated or unknown (then proof says why). estimated_ms: by db_guard.work_rates(), NULL below 1 MB and where this server has not done such work before.';

CREATE FUNCTION db_guard.trace_sql(
    sql text,
    OUT statement integer, OUT command text, OUT relation text, OUT lock_mode text,
    OUT rewrite boolean, OUT scan boolean, OUT index_build boolean, OUT fk_check boolean,
    OUT proof text, OUT rows bigint, OUT bytes bigint,
    OUT blocks_reads boolean, OUT blocks_writes boolean, OUT blocked_by integer[],
    OUT certainty text, OUT line integer, OUT duration_ms double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_trace_sql';

COMMENT ON FUNCTION db_guard.trace_sql(text) IS
'What each statement of a script does to every relation that exists before it, observed: runs the script in a subtransaction and rolls it back. Takes the locks it reports, until the end of the transaction of the caller. certainty is unknown where a statement failed or cannot be run like this (proof says why).';

CREATE FUNCTION db_guard.script_findings(
    sql text, OUT fingerprint bigint, OUT rule text, OUT object text, OUT statement text, OUT severity text)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_script_findings';

COMMENT ON FUNCTION db_guard.script_findings(text) IS
'What the rules find in a script, whatever the policy makes of it, as db_guard.baseline records it: for that function. Runs nothing.';
REVOKE ALL ON FUNCTION db_guard.script_findings(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.script_findings(text) TO PUBLIC;

-- Without a search_path of its own: the names in the script are the caller's.
CREATE FUNCTION db_guard.baseline(
    sql text, reason text DEFAULT NULL, expires timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $$
    WITH recorded AS (
        INSERT INTO db_guard.rule_baseline AS entry (fingerprint, rule, object, statement, reason, expires)
        SELECT DISTINCT finding.fingerprint, finding.rule, finding.object, finding.statement,
               baseline.reason, baseline.expires
          FROM db_guard.script_findings(baseline.sql) AS finding
        ON CONFLICT (fingerprint) DO UPDATE
        SET rule = excluded.rule, object = excluded.object, statement = excluded.statement,
            reason = excluded.reason, expires = excluded.expires, author = excluded.author,
            recorded_at = excluded.recorded_at
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM recorded;
$$;

COMMENT ON FUNCTION db_guard.baseline(text, text, timestamptz) IS
'Records what the rules find in a script today: from now on these findings on these statements neither block nor are told again. Runs nothing; returns how many are recorded. Needs SELECT, INSERT and UPDATE on db_guard.rule_baseline.';
REVOKE ALL ON FUNCTION db_guard.baseline(text, text, timestamptz) FROM PUBLIC;
-- The rights on the table decide.
GRANT EXECUTE ON FUNCTION db_guard.baseline(text, text, timestamptz) TO PUBLIC;

CREATE FUNCTION db_guard.check_sql(
    sql text,
    OUT statement integer, OUT line integer, OUT rule text, OUT severity text, OUT object text,
    OUT message text, OUT detail text, OUT safe_sql text[])
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_check_sql';

COMMENT ON FUNCTION db_guard.check_sql(text) IS
'What is hazardous in a script, by the rules of db_guard.rules and the sizes of this database, without running it: a row for each finding. Each statement is judged as the earlier ones will leave things. What could not be read or judged is a row, too. A comment "-- db_guard: allow RULE because REASON" lets findings pass. Changes nothing, and waits for nobody.';

CREATE FUNCTION db_guard.check_files(
    format text, files text[], scripts text[],
    OUT report text, OUT blocks integer, OUT warnings integer, OUT notes integer)
RETURNS record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'db_guard_check_files';

COMMENT ON FUNCTION db_guard.check_files(text, text[], text[]) IS
'A report on several files that will run in this order, as one script, and how many findings of each severity it holds. Formats: text, json, sarif, github, gitlab. A transaction or a setting that a file leaves open ends with it.';

CREATE FUNCTION db_guard.check_report(sql text, format text, file text DEFAULT NULL)
RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE
-- No search_path of its own: the script's names are looked up with the caller's.
AS $$
    SELECT (db_guard.check_files(format, ARRAY[file], ARRAY[sql])).report WHERE sql IS NOT NULL
$$;

COMMENT ON FUNCTION db_guard.check_report(text, text, text) IS
'What db_guard.check_sql finds, as a report in one of the formats text, json, sarif (2.1.0), github (annotations) and gitlab (Code Quality). file: the name to report the script under.';

CREATE TABLE db_guard.lent_sizes (
    name        text NOT NULL PRIMARY KEY,
    bytes       bigint NOT NULL CHECK (bytes >= 0),
    rows        double precision CHECK (rows >= 0),
    total_bytes bigint NOT NULL CHECK (total_bytes >= 0),
    total_rows  double precision CHECK (total_rows >= 0),
    leaves      integer NOT NULL CHECK (leaves >= 0),
    scans       bigint CHECK (scans >= 0)
);

COMMENT ON TABLE db_guard.lent_sizes IS
'Sizes of tables and use of indexes in another database, by db_guard.import_sizes(); db_guard.check_sql judges with them. The guard does not. Not dumped.';
COMMENT ON COLUMN db_guard.lent_sizes.name IS 'Schema and name of the relation, each quoted where needed.';
COMMENT ON COLUMN db_guard.lent_sizes.bytes IS 'Of the relation itself, with TOAST.';
COMMENT ON COLUMN db_guard.lent_sizes.rows IS 'The planner''s estimate; NULL before the first ANALYZE.';
COMMENT ON COLUMN db_guard.lent_sizes.total_bytes IS 'With its partitions and the tables that inherit from it.';
COMMENT ON COLUMN db_guard.lent_sizes.total_rows IS 'With its partitions and the tables that inherit from it.';
COMMENT ON COLUMN db_guard.lent_sizes.leaves IS 'How many partitions with rows of their own, or inheriting tables.';
COMMENT ON COLUMN db_guard.lent_sizes.scans IS 'Of an index: scans since the statistics were reset there.';
-- Whoever checks a script needs them; whoever can connect can ask for sizes anyway.
GRANT SELECT ON db_guard.lent_sizes TO PUBLIC;

CREATE FUNCTION db_guard.size_here(relation oid, OUT bytes bigint, OUT rows double precision)
RETURNS record
LANGUAGE c VOLATILE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_size_here';

COMMENT ON FUNCTION db_guard.size_here(oid) IS
'Bytes of a table with its TOAST, or of an index, right now, and the planner''s estimate of its rows. Takes no lock, so that it need not wait for one.';

CREATE FUNCTION db_guard.export_sizes()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE relation AS MATERIALIZED (
        SELECT class.oid, class.relkind, format('%I.%I', namespace.nspname, class.relname) AS name,
               size.bytes, size.rows
          FROM pg_class AS class
          JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
         CROSS JOIN LATERAL db_guard.size_here(class.oid) AS size
         WHERE class.relkind IN ('r', 'p', 'm', 'i', 'I') AND class.relpersistence <> 't'
           AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'db_guard')
    ), family (root, member) AS (
        SELECT oid, oid FROM relation WHERE relkind IN ('r', 'p', 'm')
         UNION
        SELECT family.root, inherits.inhrelid
          FROM family JOIN pg_inherits AS inherits ON inherits.inhparent = family.member
    ), total AS (
        SELECT family.root, sum(member.bytes) AS bytes,
               -- Where one is not known, neither is the sum.
               CASE WHEN bool_and(member.rows IS NOT NULL) THEN sum(member.rows) END AS rows,
               count(*) FILTER (WHERE member.oid <> family.root) AS leaves
          FROM family JOIN relation AS member ON member.oid = family.member
         WHERE member.relkind <> 'p'
         GROUP BY family.root
    )
    SELECT jsonb_build_object(
        'version', 1,
        'database', current_database(),
        'exported_at', now(),
        'relations', coalesce(jsonb_object_agg(relation.name, jsonb_strip_nulls(jsonb_build_object(
            'bytes', relation.bytes, 'rows', round(relation.rows),
            'total_bytes', total.bytes, 'total_rows', round(total.rows), 'leaves', total.leaves,
            'scans', CASE WHEN relation.relkind IN ('i', 'I') THEN pg_stat_get_numscans(relation.oid) END
        ))), '{}'))
      FROM relation LEFT JOIN total ON total.root = relation.oid
$$;

COMMENT ON FUNCTION db_guard.export_sizes() IS
'Sizes of all tables and indexes of this database, and how often each index was scanned: for db_guard.import_sizes() in a database without data. Takes no lock on any of them.';

CREATE FUNCTION db_guard.import_sizes(sizes jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    imported bigint;
BEGIN
    IF jsonb_typeof(sizes) <> 'object' OR sizes -> 'version' IS DISTINCT FROM '1'
       OR jsonb_typeof(sizes -> 'relations') IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'these are no sizes of db_guard',
            HINT = 'Give what db_guard.export_sizes() returns, whole.';
    END IF;
    DELETE FROM db_guard.lent_sizes;
    INSERT INTO db_guard.lent_sizes (name, bytes, rows, total_bytes, total_rows, leaves, scans)
    SELECT relation.key, size.bytes, size.rows, coalesce(size.total_bytes, size.bytes),
           coalesce(size.total_rows, CASE WHEN size.total_bytes IS NULL THEN size.rows END),
           coalesce(size.leaves, 0), size.scans
      FROM jsonb_each(sizes -> 'relations') AS relation
     CROSS JOIN LATERAL jsonb_to_record(relation.value) AS size (
           bytes bigint, rows double precision, total_bytes bigint, total_rows double precision,
           leaves integer, scans bigint);
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;

COMMENT ON FUNCTION db_guard.import_sizes(jsonb) IS
'Keeps sizes that db_guard.export_sizes() has read in another database, in place of those kept before; returns how many. db_guard.check_sql judges with them. {"version": 1, "relations": {}} forgets them.';

-- Sizes decide what is found, so that only the extension's owner lends them.
REVOKE ALL ON FUNCTION db_guard.import_sizes(jsonb) FROM PUBLIC;
