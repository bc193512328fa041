-- Names that need care: quoted, as long as can be, not ASCII; and partition trees.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA "Naming ""Matters""";
SET search_path = "Naming ""Matters""";
CREATE TABLE "Order" ("select" integer NOT NULL, "Größe" integer, "a""b" text);
INSERT INTO "Order" SELECT g, g, g FROM generate_series(1, 1000) g;
CREATE TABLE äääääääääääääääääääääääääääääää (ööööööööööööööööööööööööööööööö integer);
INSERT INTO äääääääääääääääääääääääääääääää SELECT generate_series(1, 1000);
CREATE TABLE "Sales" (id integer, region text, day date) PARTITION BY LIST (region);
CREATE TABLE "Sales_eu" PARTITION OF "Sales" FOR VALUES IN ('eu') PARTITION BY RANGE (day);
CREATE TABLE "Sales_eu_2026" PARTITION OF "Sales_eu" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE "Sales_us" PARTITION OF "Sales" FOR VALUES IN ('us');
INSERT INTO "Sales" SELECT g, CASE WHEN g % 2 = 0 THEN 'eu' ELSE 'us' END, '2026-11-22' FROM generate_series(1, 1000) g;
CREATE TABLE parent (a integer);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT generate_series(1, 1000);
ANALYZE;
\c -
SET search_path = pg_catalog;
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never
ALTER TABLE "Naming ""Matters"""."Order" ADD UNIQUE ("select", "a""b");
CREATE INDEX "My Index" ON "Naming ""Matters"""."Order" ("select") -- the usual one
;
ALTER TABLE "Naming ""Matters""".äääääääääääääääääääääääääääääää ADD UNIQUE (ööööööööööööööööööööööööööööööö);
CREATE INDEX ON "Naming ""Matters"""."Sales" (id, region);
ALTER TABLE "Naming ""Matters"""."Sales" ADD CONSTRAINT "the Key" UNIQUE (id, region, day);
ALTER TABLE "Naming ""Matters""".parent ALTER COLUMN a TYPE bigint;
\c -
-- The steps that were printed for the partitioned key, run.
ALTER TABLE ONLY "Naming ""Matters"""."Sales" ADD CONSTRAINT "the Key" UNIQUE (id, region, day);
ALTER TABLE ONLY "Naming ""Matters"""."Sales_eu" ADD CONSTRAINT "Sales_eu_id_idx" UNIQUE (id, region, day);
CREATE UNIQUE INDEX CONCURRENTLY "Sales_eu_2026_id_idx" ON "Naming ""Matters"""."Sales_eu_2026" (id, region, day);
ALTER TABLE "Naming ""Matters"""."Sales_eu_2026" ADD CONSTRAINT "Sales_eu_2026_id_idx" UNIQUE USING INDEX "Sales_eu_2026_id_idx";
ALTER INDEX "Naming ""Matters"""."Sales_eu_id_idx" ATTACH PARTITION "Naming ""Matters"""."Sales_eu_2026_id_idx";
ALTER INDEX "Naming ""Matters"""."the Key" ATTACH PARTITION "Naming ""Matters"""."Sales_eu_id_idx";
CREATE UNIQUE INDEX CONCURRENTLY "Sales_us_id_idx" ON "Naming ""Matters"""."Sales_us" (id, region, day);
ALTER TABLE "Naming ""Matters"""."Sales_us" ADD CONSTRAINT "Sales_us_id_idx" UNIQUE USING INDEX "Sales_us_id_idx";
ALTER INDEX "Naming ""Matters"""."the Key" ATTACH PARTITION "Naming ""Matters"""."Sales_us_id_idx";
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indexrelid::regclass::text LIKE '%the Key%';
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA "Naming ""Matters""" CASCADE;
