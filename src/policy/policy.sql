-- policy: what findings are to do in this database, as its owner wants it.

CREATE TABLE db_guard.rule_policy (
    rule           text NOT NULL,
    schema_pattern text NOT NULL DEFAULT '%',
    table_pattern  text NOT NULL DEFAULT '%',
    action         text NOT NULL CHECK (action IN ('block', 'warn', 'note', 'off')),
    reason         text,
    expires        timestamptz,
    author         text NOT NULL DEFAULT session_user,
    set_at         timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- An entry that expires stands beside the one that holds before and after it.
CREATE UNIQUE INDEX rule_policy_key
    ON db_guard.rule_policy (rule, schema_pattern, table_pattern, (expires IS NULL));

COMMENT ON TABLE db_guard.rule_policy IS
'What findings are to do where the rules'' own severities do not fit. Written by db_guard.set_rule and db_guard.unset_rule with the rights of whoever calls them on this table; the guard reads it with nobody''s.';
COMMENT ON COLUMN db_guard.rule_policy.rule IS 'A rule or a family of rules as in db_guard.rules, or all.';
COMMENT ON COLUMN db_guard.rule_policy.schema_pattern IS 'For LIKE: the schemas where it holds.';
COMMENT ON COLUMN db_guard.rule_policy.table_pattern IS 'For LIKE: the relations for which it holds.';
COMMENT ON COLUMN db_guard.rule_policy.action IS 'What its findings become: block, warn, note or off.';
COMMENT ON COLUMN db_guard.rule_policy.reason IS 'Why; it is told to whoever meets the finding.';
COMMENT ON COLUMN db_guard.rule_policy.expires IS 'From then on the entry does not count; NULL: it holds until it is unset.';
COMMENT ON COLUMN db_guard.rule_policy.author IS 'The role that logged in to set it.';
COMMENT ON COLUMN db_guard.rule_policy.set_at IS 'When it was set. Of entries that are equally specific the newest counts.';

-- Who may write here decides what the guard lets pass, and reasons may be nobody else's business.
REVOKE ALL ON TABLE db_guard.rule_policy FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('db_guard.rule_policy', '');

CREATE FUNCTION db_guard.check_rule_entry(
    rule text, action text, schema_pattern text, table_pattern text, expires timestamptz)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_check_rule_entry';
COMMENT ON FUNCTION db_guard.check_rule_entry(text, text, text, text, timestamptz) IS
'Raises an error where an entry of db_guard.rule_policy would make no sense; returns its rule as that table has it. For db_guard.set_rule and unset_rule.';
REVOKE ALL ON FUNCTION db_guard.check_rule_entry(text, text, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.check_rule_entry(text, text, text, text, timestamptz) TO PUBLIC;

CREATE FUNCTION db_guard.set_rule(
    rule text, action text, schema_pattern text DEFAULT '%', table_pattern text DEFAULT '%',
    reason text DEFAULT NULL, expires timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO db_guard.rule_policy AS entry (rule, schema_pattern, table_pattern, action, reason, expires)
    VALUES (db_guard.check_rule_entry(set_rule.rule, set_rule.action, set_rule.schema_pattern,
                                      set_rule.table_pattern, set_rule.expires),
            set_rule.schema_pattern, set_rule.table_pattern, set_rule.action, set_rule.reason, set_rule.expires)
    ON CONFLICT (rule, schema_pattern, table_pattern, (expires IS NULL)) DO UPDATE
    SET action = excluded.action, reason = excluded.reason, expires = excluded.expires,
        author = excluded.author, set_at = excluded.set_at;
    -- The newest counts, and this one does not end.
    DELETE FROM db_guard.rule_policy AS entry
     WHERE set_rule.expires IS NULL AND entry.expires IS NOT NULL
       AND entry.rule = CASE set_rule.rule WHEN '%' THEN 'all' ELSE set_rule.rule END
       AND entry.schema_pattern = set_rule.schema_pattern
       AND entry.table_pattern = set_rule.table_pattern;
$$;
COMMENT ON FUNCTION db_guard.set_rule(text, text, text, text, text, timestamptz) IS
'Has the findings of a rule, of a family of rules or of all block, warn, note or do nothing (off), in the schemas and for the relations whose names match the LIKE patterns, until it is unset or expires. Needs SELECT, INSERT, UPDATE and DELETE on db_guard.rule_policy.';
REVOKE ALL ON FUNCTION db_guard.set_rule(text, text, text, text, text, timestamptz) FROM PUBLIC;
-- The rights on the table decide.
GRANT EXECUTE ON FUNCTION db_guard.set_rule(text, text, text, text, text, timestamptz) TO PUBLIC;

CREATE FUNCTION db_guard.unset_rule(
    rule text, schema_pattern text DEFAULT '%', table_pattern text DEFAULT '%')
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    -- A rule that is no more may still have entries; a name that is neither is a typing error.
    SELECT db_guard.check_rule_entry(unset_rule.rule, 'off', unset_rule.schema_pattern,
                                     unset_rule.table_pattern, NULL)
     WHERE NOT EXISTS (SELECT FROM db_guard.rule_policy AS entry WHERE entry.rule = unset_rule.rule);
    WITH gone AS (
        DELETE FROM db_guard.rule_policy AS entry
         WHERE entry.rule = CASE unset_rule.rule WHEN '%' THEN 'all' ELSE unset_rule.rule END
           AND entry.schema_pattern = unset_rule.schema_pattern
           AND entry.table_pattern = unset_rule.table_pattern
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM gone;
$$;
COMMENT ON FUNCTION db_guard.unset_rule(text, text, text) IS
'Takes back what db_guard.set_rule has set for exactly this rule and these patterns, expired or not; returns how many entries that were. Needs SELECT and DELETE on db_guard.rule_policy.';
REVOKE ALL ON FUNCTION db_guard.unset_rule(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.unset_rule(text, text, text) TO PUBLIC;

CREATE FUNCTION db_guard.rule_action(
    rule text, schema_name text DEFAULT NULL, table_name text DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_rule_action';
COMMENT ON FUNCTION db_guard.rule_action(text, text, text) IS
'What a finding of that rule does now: block, warn, note or off, by db_guard.rule_policy, or else as the worst that the rule reports. Without names: where no entry for certain schemas or tables counts.';
REVOKE ALL ON FUNCTION db_guard.rule_action(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.rule_action(text, text, text) TO PUBLIC;

CREATE TABLE db_guard.rule_baseline (
    fingerprint bigint NOT NULL,
    rule        text NOT NULL,
    object      text NOT NULL,
    statement   text NOT NULL,
    reason      text,
    expires     timestamptz,
    author      text NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE UNIQUE INDEX rule_baseline_key ON db_guard.rule_baseline (fingerprint);

COMMENT ON TABLE db_guard.rule_baseline IS
'Findings that are known, each on one statement: they neither block nor are told again. Written by db_guard.baseline with the rights of whoever calls it on this table; the guard reads it with nobody''s. Delete rows to take them back.';
COMMENT ON COLUMN db_guard.rule_baseline.fingerprint IS 'Of rule, object and statement; how a finding is looked up before these are compared.';
COMMENT ON COLUMN db_guard.rule_baseline.rule IS 'The rule that reports it.';
COMMENT ON COLUMN db_guard.rule_baseline.object IS 'What it is about, as the finding names it.';
COMMENT ON COLUMN db_guard.rule_baseline.statement IS 'The statement, one blank between its words and signs, without comments, in lower case where that makes no difference.';
COMMENT ON COLUMN db_guard.rule_baseline.reason IS 'Why; it goes to the log.';
COMMENT ON COLUMN db_guard.rule_baseline.expires IS 'From then on it counts as new again; NULL: never.';
COMMENT ON COLUMN db_guard.rule_baseline.author IS 'The role that logged in to record it.';
COMMENT ON COLUMN db_guard.rule_baseline.recorded_at IS 'When it was recorded.';

REVOKE ALL ON TABLE db_guard.rule_baseline FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('db_guard.rule_baseline', '');
