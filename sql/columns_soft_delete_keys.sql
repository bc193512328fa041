-- Trap: foreign keys and soft delete. What each action means.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA keys;
SET search_path = keys;
\set SHOW_CONTEXT never
CREATE TABLE parent (id integer PRIMARY KEY, deleted_at timestamptz);
CREATE TABLE no_action (id integer, "p'id" integer REFERENCES parent, deleted_at timestamptz);
CREATE TABLE restricting (id integer, parent integer REFERENCES parent ON DELETE RESTRICT, deleted_at timestamptz);
CREATE TABLE soft_child (id integer PRIMARY KEY, parent integer REFERENCES parent ON DELETE CASCADE, deleted_at timestamptz);
CREATE TABLE grandchild (id integer, child integer REFERENCES soft_child ON DELETE CASCADE, deleted_at timestamptz);
CREATE TABLE hard_child (id integer, parent integer REFERENCES parent ON DELETE CASCADE);
CREATE TABLE nulled (id integer, parent integer REFERENCES parent ON DELETE SET NULL);
SELECT db_guard.enable_soft_delete('parent');
SELECT db_guard.enable_soft_delete('no_action'), db_guard.enable_soft_delete('restricting'),
       db_guard.enable_soft_delete('soft_child');
SELECT db_guard.enable_soft_delete('grandchild');
CREATE VIEW state AS
    SELECT 'parent' AS kind, id, NULL::integer AS parent, deleted_at IS NOT NULL AS deleted FROM parent
    UNION ALL SELECT 'no_action', id, "p'id", deleted_at IS NOT NULL FROM no_action
    UNION ALL SELECT 'restricting', id, parent, deleted_at IS NOT NULL FROM restricting
    UNION ALL SELECT 'soft_child', id, parent, deleted_at IS NOT NULL FROM soft_child
    UNION ALL SELECT 'grandchild', id, child, deleted_at IS NOT NULL FROM grandchild
    UNION ALL SELECT 'hard_child', id, parent, false FROM hard_child
    UNION ALL SELECT 'nulled', id, parent, false FROM nulled ORDER BY 1, 2;
INSERT INTO parent SELECT g FROM generate_series(1, 5) g;
-- NO ACTION: rows that are not deleted hold their parent, deleted ones do not.
INSERT INTO no_action VALUES (1, 1);
DELETE FROM parent WHERE id = 1;
DELETE FROM no_action;
DELETE FROM parent WHERE id = 1;
SELECT * FROM state WHERE kind IN ('parent', 'no_action') AND id = 1;
-- A reference to a deleted row is still one: the key exists.
INSERT INTO no_action VALUES (2, 1);
-- RESTRICT looks at all rows.
INSERT INTO restricting VALUES (1, 2);
DELETE FROM restricting;
DO $$ BEGIN
    DELETE FROM keys.parent WHERE id = 2;
EXCEPTION WHEN integrity_constraint_violation THEN RAISE NOTICE 'refused';
END $$;
-- CASCADE and SET NULL do what they do on a DELETE; where rows are deleted softly, that is soft.
INSERT INTO soft_child VALUES (1, 3), (2, 3);
INSERT INTO grandchild VALUES (1, 1);
INSERT INTO hard_child VALUES (1, 3);
INSERT INTO nulled VALUES (1, 3);
DELETE FROM parent WHERE id = 3;
SELECT * FROM state WHERE kind IN ('soft_child', 'grandchild', 'hard_child', 'nulled') OR kind = 'parent' AND id = 3;
-- Both in one statement.
INSERT INTO no_action VALUES (3, 4);
WITH a AS (DELETE FROM no_action WHERE id = 3), b AS (DELETE FROM parent WHERE id = 4) SELECT;
SELECT * FROM state WHERE kind = 'no_action' AND id = 3 OR kind = 'parent' AND id = 4;
-- A tree, from any end.
CREATE TABLE tree (id integer PRIMARY KEY, up integer REFERENCES tree, deleted_at timestamptz);
SELECT db_guard.enable_soft_delete('tree');
INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2), (4, NULL);
DELETE FROM tree WHERE id = 1;
DELETE FROM tree WHERE id IN (3, 2);
DELETE FROM tree WHERE id = 1;
SELECT id, deleted_at IS NOT NULL AS deleted FROM tree ORDER BY id;
UPDATE tree SET deleted_at = NULL;
DELETE FROM tree;
SELECT id, deleted_at IS NOT NULL AS deleted FROM tree ORDER BY id;
-- Trap: the parent goes, the child stays. Never: the parent of a row that stays must stay.
CREATE TABLE hard_parent (id integer PRIMARY KEY);
CREATE TABLE stays (id integer, parent integer REFERENCES hard_parent ON DELETE CASCADE, deleted_at timestamptz);
SELECT db_guard.enable_soft_delete('stays');
INSERT INTO hard_parent VALUES (1);
INSERT INTO stays VALUES (1, 1);
DELETE FROM hard_parent;
SELECT count(*) FROM hard_parent;
BEGIN;
SET LOCAL db_guard.hard_delete = on;
DELETE FROM hard_parent;
SELECT count(*) FROM stays;
ROLLBACK;
-- Composite keys, partitioned on both sides, columns in other orders.
CREATE TABLE pp (a integer, b text, deleted_at timestamptz, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);
CREATE TABLE pp_1 (b text NOT NULL, x integer, deleted_at timestamptz, a integer NOT NULL);
ALTER TABLE pp_1 DROP COLUMN x;
ALTER TABLE pp ATTACH PARTITION pp_1 FOR VALUES FROM (0) TO (10);
CREATE TABLE pc (deleted_at timestamptz, r text, q integer, CONSTRAINT pc_key FOREIGN KEY (q, r) REFERENCES pp (a, b)) PARTITION BY RANGE (q);
CREATE TABLE pc_1 PARTITION OF pc DEFAULT;
SELECT db_guard.enable_soft_delete('pp'), db_guard.enable_soft_delete('pc');
INSERT INTO pp VALUES (1, 'x'), (2, 'x');
INSERT INTO pc (q, r) VALUES (1, 'x');
DO $$ DECLARE message text; BEGIN
    DELETE FROM keys.pp WHERE a = 1;
EXCEPTION WHEN foreign_key_violation THEN
    -- Versions name the keys of partitions differently.
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
    RAISE NOTICE '%', regexp_replace(message, 'pc_\w*key\w*', 'pc_key');
END $$;
DELETE FROM pp WHERE a = 2;
DELETE FROM pc;
DELETE FROM pp WHERE a = 1;
SELECT a, deleted_at IS NOT NULL AS deleted FROM pp ORDER BY a;
-- Purging follows the keys, children first.
SELECT db_guard.purge_deleted('parent');
SELECT db_guard.purge_deleted('tree');
SET client_min_messages = warning;
DROP SCHEMA keys CASCADE;
