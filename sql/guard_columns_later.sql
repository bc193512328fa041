-- What came with 17 (SET EXPRESSION) and 18 (VIRTUAL columns, NOT NULL that is NOT VALID). Each server
-- refuses what it does not know.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA later;
CREATE TABLE later.orders (id bigint, net numeric, gross numeric GENERATED ALWAYS AS (net * 1.19) STORED);
INSERT INTO later.orders SELECT g, g FROM generate_series(1, 1000) g;
ANALYZE later.orders;
\c -
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never
ALTER TABLE later.orders ALTER COLUMN gross SET EXPRESSION AS (net * 1.2);
ALTER TABLE later.orders ADD COLUMN half numeric GENERATED ALWAYS AS (net / 2) VIRTUAL CONSTRAINT told NOT NULL CHECK (half > 0);
ALTER TABLE later.orders ADD COLUMN half numeric GENERATED ALWAYS AS (net / 2) VIRTUAL;
ALTER TABLE later.orders ADD COLUMN third numeric CHECK (third > 0) NOT ENFORCED;
-- While a constraint waits for its validation, SET NOT NULL reads the table.
ALTER TABLE later.orders ADD CONSTRAINT "net is there" NOT NULL net NOT VALID;
ALTER TABLE later.orders ALTER COLUMN net SET NOT NULL;
ALTER TABLE later.orders VALIDATE CONSTRAINT "net is there";
ALTER TABLE later.orders ALTER COLUMN net SET NOT NULL;
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA later CASCADE;
