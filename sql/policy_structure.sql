-- The pack "structure".
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA structure;
SET search_path = structure;
SELECT db_guard.is_judging();
SET db_guard.policy_packs = 'structure';
SET db_guard.show_notes = on;

CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text UNIQUE  -- of work
) WITH (fillfactor = 90);
CREATE TABLE roles (id uuid PRIMARY KEY, createdAt timestamptz, modified_on timestamptz, archived_at timestamptz, creator_id uuid);
CREATE TABLE IF NOT EXISTS structure."Logins" (user_id uuid REFERENCES users, "Role" uuid NOT NULL, FOREIGN KEY ("Role", user_id) REFERENCES x.y);
CREATE UNLOGGED TABLE scratch (note text, user_id uuid REFERENCES users);
SET db_guard.standard_columns = 'tenant_id';
CREATE TABLE notes (note text);
SET db_guard.standard_columns = '';
SELECT format('CREATE TABLE wide (id uuid PRIMARY KEY, %s)', string_agg('c' || i || ' int', ', ')) FROM generate_series(1, 50) i \gexec
RESET db_guard.standard_columns;

-- Silent.
CREATE TABLE role_users (user_id uuid REFERENCES users, role_id uuid REFERENCES roles UNIQUE, PRIMARY KEY (user_id, role_id));
CREATE TABLE login_history (id uuid PRIMARY KEY, at timestamptz);
CREATE TABLE heirs (note text) INHERITS (users);
CREATE TABLE copies (LIKE users);
CREATE TEMPORARY TABLE mine (note text);
\c -
SET client_min_messages = warning;
DROP SCHEMA structure CASCADE;
