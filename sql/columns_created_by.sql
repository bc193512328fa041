-- Who created a row.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA creators;
SET search_path = creators;
\set SHOW_CONTEXT never
CREATE ROLE creator_one;
CREATE ROLE creator_two;
GRANT USAGE ON SCHEMA creators TO creator_one, creator_two;
CREATE TABLE t (id integer PRIMARY KEY, note text, created_by text, maker name, brief varchar(3));
GRANT ALL ON t TO creator_one, creator_two;
SELECT db_guard.enable_created_by('t'), db_guard.enable_created_by('t', 'maker', 'override'), db_guard.enable_created_by('t', 'brief');
SET ROLE creator_one;
INSERT INTO t VALUES (1);
INSERT INTO t VALUES (2, 'x', 'app user 7', 'forged', 'me');
-- Trap: inside a SECURITY DEFINER function its owner is in force, who has not made the row.
RESET ROLE;
CREATE FUNCTION add(id integer) RETURNS text SECURITY DEFINER LANGUAGE sql SET search_path = '' AS $$
    INSERT INTO creators.t (id) VALUES (add.id); SELECT current_user::text $$;
CREATE FUNCTION run_add(id integer) RETURNS boolean LANGUAGE sql AS $$ SELECT creators.add(run_add.id) <> current_user $$;
SET ROLE creator_two;
SELECT run_add(3) AS another_is_in_force;
SELECT * FROM t ORDER BY id;
-- For good.
UPDATE t SET created_by = 'me' WHERE id = 1;
UPDATE t SET created_by = NULL WHERE id = 1;
UPDATE t SET created_by = created_by, note = 'same' WHERE id = 1 RETURNING created_by;
UPDATE t SET note = 'other' WHERE id = 1 RETURNING created_by;
INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET created_by = excluded.created_by;
SET db_guard.column_triggers = off;
RESET ROLE;
-- Rows that are older than the column, and corrections by those who may.
ALTER TABLE t DISABLE TRIGGER USER;
INSERT INTO t VALUES (4);
ALTER TABLE t ENABLE TRIGGER USER;
UPDATE t SET created_by = 'found out' WHERE id = 4 RETURNING created_by;
UPDATE t SET created_by = 'no' WHERE id = 4;
BEGIN;
SET LOCAL db_guard.column_triggers = off;
UPDATE t SET created_by = 'corrected' WHERE id = 4 RETURNING created_by;
COMMIT;
-- A foreign key that follows a renamed user.
CREATE TABLE users (login text PRIMARY KEY);
INSERT INTO users VALUES ('ann');
CREATE TABLE posts (id integer, created_by text REFERENCES users ON UPDATE CASCADE);
SELECT db_guard.enable_created_by('posts');
INSERT INTO posts VALUES (1, 'ann');
UPDATE users SET login = 'anna';
SELECT * FROM posts;
\set VERBOSITY terse
INSERT INTO posts VALUES (2);
\set VERBOSITY default
COPY t (id) FROM stdin;
5
\.
SELECT created_by = current_user AS copied FROM t WHERE id = 5;
SET client_min_messages = warning;
DROP SCHEMA creators CASCADE;
DROP ROLE creator_one, creator_two;
