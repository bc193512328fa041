-- What must pass without a word. Each of these is a false alarm of some popular tool.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA harmless;
SET search_path = harmless;
CREATE DOMAIN plain AS integer;
CREATE FUNCTION constant() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 7';
CREATE TABLE t (id bigint PRIMARY KEY, a integer, b varchar(50), n numeric(10,2), ts timestamp(3), tz timestamptz, bits varbit(8), ip cidr, d plain, nn integer NOT NULL, txt text);
INSERT INTO t SELECT g, g, 'x', 1, now(), now(), '1', '10.0.0.0/8', 1, g, 'x' FROM generate_series(1, 1000) g;
CREATE INDEX t_b ON t (b);
CREATE INDEX t_a ON t (a);
CREATE INDEX t_a_twin ON t (a);
CREATE UNIQUE INDEX t_nn ON t (nn);
CREATE TABLE empty (id bigint, a integer);
CREATE VIEW v AS SELECT id FROM t;
CREATE MATERIALIZED VIEW m AS SELECT id FROM t;
CREATE UNIQUE INDEX m_id ON m (id);
CREATE TABLE part (k integer) PARTITION BY RANGE (k);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10);
ANALYZE;
\c -
SET search_path = harmless;
SET db_guard.small_table_size = 0;
SET TimeZone = 'UTC';

-- Defaults that the catalog can hold.
ALTER TABLE t ADD COLUMN c1 integer;
ALTER TABLE t ADD COLUMN c2 integer NOT NULL DEFAULT 5;
ALTER TABLE t ADD COLUMN c3 timestamptz NOT NULL DEFAULT now();
ALTER TABLE t ADD COLUMN c4 integer DEFAULT constant();
ALTER TABLE t ADD COLUMN c5 plain DEFAULT 1;
ALTER TABLE t ADD COLUMN c6 integer DEFAULT NULL;
ALTER TABLE t ADD COLUMN IF NOT EXISTS c1 bigserial;
-- Type changes that the catalog can hold.
ALTER TABLE t ALTER COLUMN b TYPE varchar(100);
ALTER TABLE t ALTER COLUMN b TYPE text;
ALTER TABLE t ALTER COLUMN n TYPE numeric(12,2);
ALTER TABLE t ALTER COLUMN n TYPE numeric;
ALTER TABLE t ALTER COLUMN ts TYPE timestamp(6);
ALTER TABLE t ALTER COLUMN ts TYPE timestamptz;
ALTER TABLE t ALTER COLUMN tz TYPE timestamp;
ALTER TABLE t ALTER COLUMN bits TYPE varbit(16);
ALTER TABLE t ALTER COLUMN ip TYPE inet;
ALTER TABLE t ALTER COLUMN d TYPE integer;
ALTER TABLE t ALTER COLUMN a TYPE plain;
ALTER TABLE t ALTER COLUMN a TYPE plain USING t.a;
ALTER TABLE t ALTER COLUMN txt TYPE varchar;
-- Brief work.
ALTER TABLE t ALTER COLUMN nn SET NOT NULL;
ALTER TABLE t ALTER COLUMN c1 SET DEFAULT 1;
ALTER TABLE t ALTER COLUMN c1 DROP DEFAULT;
ALTER TABLE t ALTER COLUMN c2 DROP NOT NULL;
ALTER TABLE t ADD CONSTRAINT t_nn_key UNIQUE USING INDEX t_nn;
ALTER INDEX t_b RENAME TO t_b_renamed;
ALTER TABLE t_b_renamed RENAME TO t_b;
ALTER TABLE t RENAME CONSTRAINT t_nn_key TO t_nn_unique;
-- Indexes.
CREATE INDEX CONCURRENTLY t_n ON t (n);
CREATE INDEX IF NOT EXISTS t_n ON t (n);
CREATE INDEX part_k ON ONLY part (k);
DROP INDEX CONCURRENTLY t_n;
DROP INDEX CONCURRENTLY t_a_twin;
REFRESH MATERIALIZED VIEW CONCURRENTLY m;
-- No rows to wait for.
ALTER TABLE empty ALTER COLUMN a SET NOT NULL;
ALTER TABLE empty ALTER COLUMN a TYPE bigint;
ALTER TABLE empty ADD COLUMN s bigserial;
ALTER TABLE empty ADD COLUMN r integer NOT NULL;
ALTER TABLE empty ADD PRIMARY KEY (id);
CREATE INDEX ON empty (a);
-- Nobody else can see it. (The session before this one may still be on its way out.)
DO $$
BEGIN
  WHILE EXISTS (SELECT FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND backend_type = 'client backend') LOOP
    PERFORM pg_stat_clear_snapshot();
  END LOOP;
END $$;
BEGIN;
CREATE TABLE fresh (id bigint, a integer);
INSERT INTO fresh SELECT g, g FROM generate_series(1, 1000) g;
ALTER TABLE fresh ALTER COLUMN a TYPE bigint;
ALTER TABLE fresh ALTER COLUMN a SET NOT NULL;
ALTER TABLE fresh ADD PRIMARY KEY (id);
CREATE INDEX ON fresh (a);
ALTER TABLE fresh RENAME COLUMN a TO b;
ALTER TABLE fresh DROP COLUMN b;
ALTER TABLE fresh RENAME TO stale;
COMMIT;
-- This session's own, and nobody else has used it.
ALTER TABLE stale RENAME TO fresh;
ALTER TABLE fresh ADD COLUMN s bigserial;
CREATE TEMPORARY TABLE mine AS SELECT g AS a FROM generate_series(1, 1000) g;
ALTER TABLE mine RENAME COLUMN a TO b;
ALTER TABLE mine ALTER COLUMN b TYPE bigint;
CREATE INDEX ON mine (b);
-- Small enough: work that only costs time may run.
RESET db_guard.small_table_size;
ALTER TABLE t ALTER COLUMN nn TYPE bigint;
CREATE INDEX ON t (id);
-- Nothing was refused, and nothing but what ran by db_guard.allow is marked.
SELECT outcome, findings FROM db_guard.ddl_log WHERE outcome <> 'done' AND object LIKE '%harmless%';
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA harmless CASCADE;
