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
