-- The messages of the rules, as a person at psql sees them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA messages;
SET search_path = messages;
CREATE TABLE users (id bigint PRIMARY KEY, email text, total integer, code varchar(20));
INSERT INTO users SELECT g, g % 10, g, 'c' FROM generate_series(1, 1000) g;
CREATE INDEX users_total ON users (total);
CREATE UNIQUE INDEX users_code_total ON users (code, total);
CREATE INDEX users_code ON users (code);
CREATE VIEW emails AS SELECT email FROM users;
CREATE FUNCTION sum_of_totals() RETURNS bigint LANGUAGE plpgsql AS
'BEGIN RETURN (SELECT sum(total) FROM messages.users); END';
CREATE FUNCTION last_digit(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n % 10';
CREATE TRIGGER on_email AFTER UPDATE OF email ON users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SET client_min_messages = error;  -- wal_level may be too low for a subscriber
CREATE PUBLICATION messages_of_users FOR TABLE users;
RESET client_min_messages;
CREATE TABLE secret (id integer, owner text);
INSERT INTO secret SELECT g % 10, 'somebody' FROM generate_series(1, 1000) g;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret FORCE ROW LEVEL SECURITY;
CREATE ROLE regress_db_guard_owner;
GRANT USAGE, CREATE ON SCHEMA messages TO regress_db_guard_owner;
ALTER TABLE secret OWNER TO regress_db_guard_owner;
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users, CONSTRAINT known CHECK (user_id > 0));
INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;
ANALYZE users, orders;

-- A session of its own: tables that a session has just made itself are nobody else's business.
\c -
SET search_path = messages;
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never

ALTER TABLE users RENAME COLUMN total TO amount;
ALTER TABLE users RENAME TO people;
ALTER VIEW emails RENAME TO addresses;
ALTER TABLE users DROP COLUMN email CASCADE;
ALTER TABLE users ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE users ADD COLUMN position bigserial;
ALTER TABLE users ADD COLUMN position integer GENERATED ALWAYS AS IDENTITY;
ALTER TABLE users ADD COLUMN currency text NOT NULL;
ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE users ADD UNIQUE NULLS NOT DISTINCT (email, total) INCLUDE (code) WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE users ADD COLUMN slug text UNIQUE;
ALTER TABLE users ALTER COLUMN total TYPE bigint;
ALTER TABLE users ALTER COLUMN code TYPE varchar(20) COLLATE "POSIX";
ALTER TABLE users ALTER COLUMN id TYPE numeric;
ALTER TABLE orders ALTER COLUMN user_id TYPE bigint USING user_id + 1;
CREATE INDEX ON users (lower(email)) WHERE total > 0;
CREATE UNIQUE INDEX ON users (last_digit(total)) WHERE users.total % 2 = 0;
CREATE UNIQUE INDEX IF NOT EXISTS users_email ON users USING btree (email) /* all of them */;
ALTER TABLE users ADD COLUMN twice integer GENERATED ALWAYS AS (total * 2) STORED;
-- Rows that row-level security hides from the owner are not said to be absent.
ALTER TABLE secret ADD UNIQUE (id);
-- What a client library reads.
DO $$
DECLARE
  state text; schema_name text; table_name text; column_name text; constraint_name text;
BEGIN
  ALTER TABLE messages.users ADD CONSTRAINT users_email_key UNIQUE (email);
EXCEPTION WHEN SQLSTATE 'DG001' THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, schema_name = SCHEMA_NAME,
    table_name = TABLE_NAME, column_name = COLUMN_NAME, constraint_name = CONSTRAINT_NAME;
  RAISE NOTICE '% % % % %', state, schema_name, table_name, column_name, constraint_name;
END $$;
DO $$
DECLARE
  column_name text;
BEGIN
  ALTER TABLE messages.users ALTER COLUMN total TYPE bigint;
EXCEPTION WHEN SQLSTATE 'DG001' THEN
  GET STACKED DIAGNOSTICS column_name = COLUMN_NAME;
  RAISE NOTICE '%', column_name;
END $$;
-- Two hazards in one statement.
ALTER TABLE users DROP COLUMN code, ALTER COLUMN total TYPE bigint;
\c -
SET client_min_messages = warning;
DROP PUBLICATION messages_of_users;
SET db_guard.mode = off;
DROP SCHEMA messages CASCADE;
DROP ROLE regress_db_guard_owner;
