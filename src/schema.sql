-- The extension's own schema. The script makes it, so that nobody can have put anything there before,
-- and DROP EXTENSION takes it along.

CREATE SCHEMA db_guard;
COMMENT ON SCHEMA db_guard IS 'db_guard: guards DDL. Start with the views rules and coverage.';
GRANT USAGE ON SCHEMA db_guard TO PUBLIC;

