-- lint: looking before leaping.

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
'What each statement of a script will do to every relation that exists before it: lock, rewrite, scan, index build, foreign-key check. Changes nothing, and waits for nobody. One row with relation NULL where a statement locks nothing; certainty is exact, estimated or unknown (then proof says why).';

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
