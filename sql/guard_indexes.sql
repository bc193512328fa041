-- Indexes: CONCURRENTLY where it cannot be, leftovers, duplicates.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA "In dex";
SET search_path = "In dex", public;
CREATE TABLE "T 1" (a integer, b integer, c text, "D" integer);
INSERT INTO "T 1" SELECT g, g % 10, g, greatest(g, 2) FROM generate_series(1, 1000) g;
CREATE INDEX t_a_b ON "T 1" (a, b);
CREATE INDEX t_c ON "T 1" (c);
CREATE INDEX t_hash ON "T 1" USING hash (b);
CREATE UNIQUE INDEX t_a ON "T 1" (a);
CREATE TABLE parts (k integer, v integer) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (2000);
INSERT INTO parts SELECT g, g FROM generate_series(1, 1000) g;
CREATE INDEX waiting ON ONLY parts (v);
CREATE INDEX ON parts_1 (v);
ANALYZE;
\c -
SET search_path = "In dex", public;
SET db_guard.small_table_size = 0;
SET db_guard.show_notes = on;
\set SHOW_CONTEXT never
-- What is left of a build that failed.
CREATE UNIQUE INDEX CONCURRENTLY "Bad" ON "T 1" ("D");
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "Bad" ON "T 1" ("D") /* once more */;
ALTER TABLE "T 1" ADD UNIQUE USING INDEX "Bad";
DROP INDEX CONCURRENTLY "Bad";
-- One that waits for its partitions' is another matter, and so is one that is there.
CREATE INDEX IF NOT EXISTS waiting ON ONLY parts (v);
CREATE INDEX CONCURRENTLY IF NOT EXISTS t_c ON "T 1" (c);
-- In a transaction block.
BEGIN;
CREATE INDEX CONCURRENTLY ON "T 1" ("D");
ROLLBACK;
BEGIN;
DROP INDEX CONCURRENTLY t_hash;
ROLLBACK;
-- A partitioned table has no such thing at all.
CREATE INDEX CONCURRENTLY parts_k_idx ON parts (k);
-- There already: the same, the beginning of one, and others that are neither.
CREATE INDEX CONCURRENTLY one ON "T 1" (a, b);
CREATE INDEX CONCURRENTLY two ON "T 1" (a);
CREATE UNIQUE INDEX CONCURRENTLY three ON "T 1" (a);
CREATE INDEX CONCURRENTLY four ON "T 1" USING hash (b);
CREATE INDEX CONCURRENTLY five ON "T 1" (c);
DROP INDEX CONCURRENTLY one, two;
DROP INDEX CONCURRENTLY one;
DROP INDEX CONCURRENTLY two;
DROP INDEX CONCURRENTLY three;
DROP INDEX CONCURRENTLY four;
DROP INDEX CONCURRENTLY five;
CREATE INDEX CONCURRENTLY ON "T 1" (b, a);
CREATE INDEX CONCURRENTLY ON "T 1" (a DESC, b);
CREATE INDEX CONCURRENTLY ON "T 1" (a, b) INCLUDE (c);
CREATE INDEX CONCURRENTLY ON "T 1" (c COLLATE "C" text_pattern_ops);
CREATE INDEX CONCURRENTLY ON "T 1" (c) WHERE a > 0;
CREATE INDEX CONCURRENTLY ON "T 1" ((a + b));
CREATE UNIQUE INDEX CONCURRENTLY ON "T 1" (a, b);
-- Wide.
CREATE INDEX CONCURRENTLY ON "T 1" ("D", c, b, a);
CREATE UNIQUE INDEX CONCURRENTLY ON "T 1" ("D", b, a, c);
-- A script that is only looked at.
SELECT statement, rule, severity, safe_sql FROM db_guard.check_sql($$
BEGIN;
CREATE INDEX CONCURRENTLY later ON "T 1" ("D", a);
REINDEX (VERBOSE) INDEX CONCURRENTLY t_c;
COMMIT;
REINDEX TABLE "T 1" -- all of it
;
REINDEX INDEX t_c;
REINDEX SCHEMA "In dex";
REINDEX TABLE parts;
REINDEX TABLE CONCURRENTLY parts;
$$);
-- Small tables are left alone, but for what has nothing to do with time.
SET db_guard.small_table_size = '10MB';
CREATE INDEX again ON "T 1" (a, b);
BEGIN;
CREATE INDEX CONCURRENTLY ON "T 1" ("D");
ROLLBACK;
\c -
SET client_min_messages = error;
SET db_guard.mode = off;
DROP SCHEMA "In dex" CASCADE;
