-- The extension's own schema. The script makes it, so that nobody can have put anything there before,
-- and DROP EXTENSION takes it along.

CREATE SCHEMA db_guard;
COMMENT ON SCHEMA db_guard IS 'db_guard: guards DDL. Start with the views rules and coverage.';
GRANT USAGE ON SCHEMA db_guard TO PUBLIC;

CREATE FUNCTION db_guard.tell_of_rows()
RETURNS trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_tell_of_rows';
COMMENT ON FUNCTION db_guard.tell_of_rows() IS
'Trigger function of the extension''s own tables: sessions that remember the table as empty look again once the transaction has committed.';
REVOKE ALL ON FUNCTION db_guard.tell_of_rows() FROM PUBLIC;
