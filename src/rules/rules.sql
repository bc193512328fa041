-- rules: what the guard knows.

CREATE FUNCTION db_guard.list_rules(
    OUT rule text, OUT family text, OUT severity text, OUT title text, OUT effect text,
    OUT why text, OUT safe_way text, OUT example text, OUT since_version text,
    OUT setup text, OUT good_example text, OUT lock_mode text, OUT work text,
    OUT since_server text)
RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_list_rules';

COMMENT ON FUNCTION db_guard.list_rules() IS
'All rules, one row each: the source of the view db_guard.rules, where the columns are explained.';

CREATE VIEW db_guard.rules AS
SELECT rule, family, severity, title, effect, why, safe_way, example, since_version,
       setup, good_example, lock_mode, work, db_guard.rule_action(rule) AS action,
       since_server::integer
  FROM db_guard.list_rules();

COMMENT ON VIEW db_guard.rules IS
'One row for each hazard that db_guard looks for in DDL.';
COMMENT ON COLUMN db_guard.rules.rule IS 'Stable name, for db_guard.allow.';
COMMENT ON COLUMN db_guard.rules.family IS 'Kind of operation: columns, types, constraints, indexes, drops, renames; or the policy pack: data-types, names, security, structure.';
COMMENT ON COLUMN db_guard.rules.severity IS 'The worst it reports: block (error), warn (WARNING) or note (entry).';
COMMENT ON COLUMN db_guard.rules.title IS 'The hazard in a few words.';
COMMENT ON COLUMN db_guard.rules.effect IS 'Lock and work of the statement, and what happens.';
COMMENT ON COLUMN db_guard.rules.why IS 'Why it hurts.';
COMMENT ON COLUMN db_guard.rules.safe_way IS 'What to do instead.';
COMMENT ON COLUMN db_guard.rules.example IS 'A statement that the rule reports, over the tables of setup.';
COMMENT ON COLUMN db_guard.rules.since_version IS 'Version of db_guard that brought the rule.';
COMMENT ON COLUMN db_guard.rules.setup IS 'Statements that make the tables of the examples.';
COMMENT ON COLUMN db_guard.rules.good_example IS 'Statements to the same end that no rule reports.';
COMMENT ON COLUMN db_guard.rules.lock_mode IS 'Lock that the example takes on its table, as in pg_locks.mode; none where it takes none.';
COMMENT ON COLUMN db_guard.rules.work IS 'Work under that lock: rewrite, scan, index build, foreign key check, none; error where the server refuses after locking, refused where it does so before.';
COMMENT ON COLUMN db_guard.rules.since_server IS 'First version of PostgreSQL that knows the statement and shows it to event triggers.';
COMMENT ON COLUMN db_guard.rules.action IS 'What it does in this database: its severity, or what db_guard.set_rule has made of it for all schemas and tables.';

REVOKE ALL ON FUNCTION db_guard.list_rules() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.list_rules() TO PUBLIC;
GRANT SELECT ON db_guard.rules TO PUBLIC;
