-- Batched UPDATE and DELETE: each row once, whatever the table.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS db_guard CASCADE;
CREATE EXTENSION db_guard;
RESET client_min_messages;
SET db_guard.mode = off;
CREATE SCHEMA "Odd ""Schema";
CREATE TABLE "Odd ""Schema"."My Table" (id integer PRIMARY KEY, n integer DEFAULT 0, "A b" text);
INSERT INTO "Odd ""Schema"."My Table" SELECT g, NULLIF(g % 3, 2), repeat('x', 100) FROM generate_series(1, 20000) g;
ANALYZE "Odd ""Schema"."My Table";
-- Stride: a row is changed once though SET alone does not tell it, in batches of seven rows as of thousands.
CALL db_guard.batch_update('"Odd ""Schema"."My Table"', 'n = coalesce(n, 10) + 1', pause => '0');
SELECT n, count(*) FROM "Odd ""Schema"."My Table" GROUP BY n ORDER BY n;
CALL db_guard.batch_update('"Odd ""Schema"."My Table"', 'n = n + 1', 'id <= 3000', 7, '0', NULL);
SELECT n, count(*) FROM "Odd ""Schema"."My Table" GROUP BY n ORDER BY n;
CALL db_guard.batch_update('"Odd ""Schema"."My Table"', '("A b", n) = (SELECT t."A b", -1 FROM "Odd ""Schema"."My Table" t WHERE t.id = "My Table".id)',
    '"My Table".id > 10 AND id % 100 = 0', pause => '0', walk => 'keyset');
SELECT count(*), min(id) FROM "Odd ""Schema"."My Table" WHERE n = -1;
-- A statement that stands for nothing else, and comments that swallow nothing.
CALL db_guard.batch_update('"Odd ""Schema"."My Table"', 'n = 100 -- the limit', 'id = 1 -- one', pause => '0');
SELECT id, n FROM "Odd ""Schema"."My Table" WHERE n = 100;
-- No row, no matching row.
CREATE TABLE empty_one (id bigint PRIMARY KEY, n int);
CALL db_guard.batch_update('empty_one', 'n = 1', pause => '0');
CALL db_guard.batch_update('"Odd ""Schema"."My Table"', 'n = 1', 'false', pause => '0');
CALL db_guard.batch_update('"Odd ""Schema"."My Table"', 'n = 1', 'NULL', pause => '0');
CALL db_guard.batch_delete('"Odd ""Schema"."My Table"', 'id > 100', pause => '0');
SELECT count(*), max(id) FROM "Odd ""Schema"."My Table";
CALL db_guard.batch_delete('"Odd ""Schema"."My Table"', pause => '0');
SELECT count(*) FROM "Odd ""Schema"."My Table";
SELECT job, target, state, rows_done, percent, operation, walk, walk_reason FROM db_guard.batch_progress ORDER BY job;

-- Keys of several columns, of texts, dropped columns before them, another unique index than the primary key.
CREATE TABLE composite (gone text, region text COLLATE "C", day date, n int NOT NULL DEFAULT 0, PRIMARY KEY (region, day));
ALTER TABLE composite DROP COLUMN gone;
INSERT INTO composite SELECT r, date '2020-01-01' + g FROM unnest(ARRAY['it''s', 'a"b', 'c\d', '', 'é,{}']) r, generate_series(1, 700) g;
SET datestyle = 'German';
CALL db_guard.batch_update('composite', 'n = n + 1', NULL, 100, '0', NULL, 'stride');
CALL db_guard.batch_update('composite', 'n = n + 1', NULL, 100, '0', NULL, 'keyset');
SELECT n, count(*) FROM composite GROUP BY n;
RESET datestyle;
CREATE TABLE second_key (id int PRIMARY KEY, code uuid NOT NULL UNIQUE, n int DEFAULT 0);
INSERT INTO second_key SELECT g, md5(g::text)::uuid FROM generate_series(1, 3000) g;
CALL db_guard.batch_update('second_key', 'id = -id, n = n + 1', pause => '0');
SELECT n, count(*), max(id) FROM second_key GROUP BY n;
SELECT walk_taken, key_columns, batch_sql FROM db_guard.batch_plan('second_key', 'id = 1');

-- Partitions of several levels, one of them with other column numbers; children by inheritance.
CREATE TABLE measured (id int, at date, v int DEFAULT 0, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE measured_1 PARTITION OF measured FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE measured_2 (junk text, v int DEFAULT 0, at date NOT NULL, id int NOT NULL) PARTITION BY LIST (id);
ALTER TABLE measured_2 DROP COLUMN junk;
ALTER TABLE measured ATTACH PARTITION measured_2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE measured_2a PARTITION OF measured_2 DEFAULT;
INSERT INTO measured SELECT g, date '2024-01-01' + g % 55 FROM generate_series(1, 5000) g;
CALL db_guard.batch_update('measured', 'v = measured.v + 1', 'measured.v < 5', pause => '0');
SELECT tableoid::regclass, v, count(*) FROM measured GROUP BY 1, 2 ORDER BY 1;
SELECT relation, walk_taken, passes, key_columns FROM db_guard.batch_plan('measured', 'v = 1');
CREATE TABLE parent (id int PRIMARY KEY, n int DEFAULT 0);
CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO parent SELECT generate_series(1, 100);
INSERT INTO child SELECT generate_series(1, 200);
CALL db_guard.batch_update('parent', 'n = n + 1', pause => '0');
SELECT tableoid::regclass, n, count(*) FROM parent GROUP BY 1, 2 ORDER BY 1;

-- What a trigger maintains changes with every UPDATE, and its index has to follow.
CREATE TABLE touched (id int PRIMARY KEY, n int DEFAULT 0, updated_at timestamptz, version int NOT NULL DEFAULT 0);
INSERT INTO touched SELECT g FROM generate_series(1, 20000) g;
CREATE INDEX touched_at ON touched (updated_at);
ANALYZE touched;
SELECT walk_taken, reason FROM db_guard.batch_plan('touched', 'n = 1');
SET client_min_messages = error;
SELECT db_guard.enable_updated_at('touched');
RESET client_min_messages;
SELECT walk_taken, reason FROM db_guard.batch_plan('touched', 'n = 1');
BEGIN;
ALTER TABLE touched DISABLE TRIGGER USER;
SELECT walk_taken FROM db_guard.batch_plan('touched', 'n = 1');
ROLLBACK;
SET session_replication_role = replica;
SELECT walk_taken FROM db_guard.batch_plan('touched', 'n = 1');
RESET session_replication_role;
SELECT db_guard.disable_updated_at('touched');
-- That of contrib, or what has its name and its argument.
CREATE FUNCTION moddatetime() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END';
CREATE TRIGGER mdt BEFORE UPDATE ON touched FOR EACH ROW EXECUTE FUNCTION moddatetime('updated_at');
SELECT walk_taken, reason FROM db_guard.batch_plan('touched', 'n = 1');
DROP TRIGGER mdt ON touched;
DROP FUNCTION moddatetime();
DROP INDEX touched_at;
CREATE UNIQUE INDEX touched_version ON touched (id, version);
SET client_min_messages = error;
SELECT db_guard.enable_row_version('touched');
RESET client_min_messages;
SELECT walk_taken, reason, key_columns FROM db_guard.batch_plan('touched', 'n = 1');
CALL db_guard.batch_update('touched', 'n = n + 1', pause => '0');
SELECT n, version, count(*) FROM touched GROUP BY 1, 2;
DROP TABLE touched;

-- Without a key the WHERE has to tell changed rows from unchanged ones.
CREATE TABLE keyless (n int, note text);
INSERT INTO keyless SELECT g FROM generate_series(1, 30000) g;
ANALYZE keyless;
CALL db_guard.batch_update('keyless', 'note = ''done''', 'note IS NULL', pause => '0');
SELECT note, count(*) FROM keyless GROUP BY note;
CALL db_guard.batch_update('keyless', 'n = n + 1', pause => '0');
CALL db_guard.batch_update('keyless', 'n = n + 1', 'n > 0', pause => '0');
SELECT count(*) FROM keyless WHERE n = 1;
CALL db_guard.batch_delete('keyless', 'n % 2 = 0', pause => '0');
SELECT count(*) FROM keyless;
-- A key that may be NULL, that is deferred, partial, or not in the order of its type is none.
CREATE TABLE no_key (a int UNIQUE, b int NOT NULL, c int NOT NULL UNIQUE DEFERRABLE, d int NOT NULL);
CREATE UNIQUE INDEX ON no_key (b) WHERE b > 0;
CREATE UNIQUE INDEX ON no_key (d DESC);
SELECT walk_taken, key_columns FROM db_guard.batch_plan('no_key', 'a = 1', 'a IS NULL');

-- Triggers, foreign keys and checks work as in any UPDATE; a failed job goes on where it was.
CREATE TABLE checked (id int PRIMARY KEY, n int CHECK (n < 1000));
INSERT INTO checked SELECT g, g FROM generate_series(1, 1500) g WHERE g < 1000;
INSERT INTO checked SELECT g, 0 FROM generate_series(1000, 1500) g;
CALL db_guard.batch_update('checked', 'n = n + 1', NULL, 100, '0', NULL, 'keyset');
SELECT state, rows_done, last_error FROM db_guard.batch_progress ORDER BY job DESC LIMIT 1;
UPDATE checked SET n = 5 WHERE n = 999;
SELECT max(job) AS job FROM db_guard.batch_progress \gset
CALL db_guard.batch_resume(:job);
SELECT state, rows_done, last_error FROM db_guard.batch_progress ORDER BY job DESC LIMIT 1;
SELECT count(*) FROM checked WHERE n = CASE WHEN id = 999 THEN 6 WHEN id < 1000 THEN id + 1 ELSE 1 END;
CALL db_guard.batch_resume(:job);

-- The planner must not drive a batch by the index of the WHERE.
CREATE TABLE driven (id int PRIMARY KEY, done boolean NOT NULL DEFAULT false, n int);
CREATE INDEX ON driven (done);
INSERT INTO driven SELECT generate_series(1, 5000);
CALL db_guard.batch_update('driven', 'done = true', 'NOT done', 500, '0', NULL);
SELECT done, count(*) FROM driven GROUP BY done;

SET client_min_messages = warning;
DROP SCHEMA "Odd ""Schema" CASCADE;
DROP TABLE empty_one, composite, second_key, measured, child, parent, keyless, no_key, checked, driven;

-- Rows that move within their pages and out of them between the opening of a window and their turn
-- are changed all the same, and what has come to their places is not changed twice.
CREATE TABLE moving (a int, b text, hits int DEFAULT 0, moves int DEFAULT 0, pad text, PRIMARY KEY (b, a));
INSERT INTO moving SELECT g, g % 7, 0, 0, repeat('x', 60) FROM generate_series(1, 6000) g;
ANALYZE moving;
CREATE FUNCTION move_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.a % 10 = 0 AND NEW.hits > OLD.hits THEN
    UPDATE moving SET moves = moves + 1, pad = pad || CASE WHEN NEW.a % 20 = 0 THEN 'y' ELSE '' END
     WHERE b = NEW.b AND a IN (NEW.a - 70, NEW.a + 7, NEW.a + 21, NEW.a + 28);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER move_others AFTER UPDATE ON moving FOR EACH ROW EXECUTE FUNCTION move_others();
SET client_min_messages = warning;
CALL db_guard.batch_update('moving', 'hits = hits + 1', pause => '0', walk => 'stride');
CALL db_guard.batch_update('moving', 'hits = hits + 1', pause => '0', walk => 'stride');
CALL db_guard.batch_update('moving', 'hits = hits + 1', 'hits = 2', batch_size => 100, target_time => NULL, pause => '0', walk => 'stride');
RESET client_min_messages;
SELECT hits, count(*), sum(moves) > 1000 AS moved FROM moving GROUP BY hits;
DROP TABLE moving;
DROP FUNCTION move_others;

-- Rows that a trigger leaves as they are count for no miscount: the others are changed once.
CREATE TABLE stubborn (id int PRIMARY KEY, hits int DEFAULT 0, pad text);
INSERT INTO stubborn SELECT g, 0, repeat('x', 60) FROM generate_series(1, 20000) g;
ANALYZE stubborn;
CREATE FUNCTION refuse_some() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id BETWEEN 3000 AND 3500 OR NEW.id = 19000 THEN RETURN NULL; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_some BEFORE UPDATE ON stubborn FOR EACH ROW EXECUTE FUNCTION refuse_some();
SET client_min_messages = warning;
CALL db_guard.batch_update('stubborn', 'hits = hits + 1', batch_size => 500, target_time => NULL, pause => '0', walk => 'stride');
RESET client_min_messages;
SELECT hits, count(*) FROM stubborn GROUP BY hits ORDER BY hits;
DROP TABLE stubborn;
DROP FUNCTION refuse_some;
