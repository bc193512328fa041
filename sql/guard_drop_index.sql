-- Dropping indexes: what they are for, and how often they are used.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA di;
SET search_path = di;
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, code text NOT NULL, total integer, day date);
INSERT INTO customers SELECT generate_series(1, 1000);
INSERT INTO orders SELECT g, g, g, g, '2026-11-22' FROM generate_series(1, 1000) g;
CREATE INDEX orders_unused ON orders (total);
CREATE UNIQUE INDEX orders_code ON orders (code);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_day ON orders (day);
CREATE INDEX orders_day_twin ON orders (day);
CREATE INDEX orders_partial ON orders (day) WHERE total > 0;
CREATE UNIQUE INDEX orders_identity ON orders (code, id);
ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_identity;
CREATE TABLE part (k integer) PARTITION BY RANGE (k);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (2000);
INSERT INTO part SELECT generate_series(1, 1000);
CREATE UNIQUE INDEX part_k ON part (k);
ANALYZE;
\c -
SET search_path = di;
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never
-- Nobody needs it: a warning about the lock, and the way without one.
DROP INDEX orders_unused;
-- Queries use it.
CREATE TABLE scanned (id integer, a integer);
INSERT INTO scanned SELECT g, g FROM generate_series(1, 1000) g;
CREATE INDEX scanned_a ON scanned (a);
\c -
SET search_path = di;
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never
SET enable_seqscan = off;
SELECT id FROM scanned WHERE a = 7;
SELECT pg_stat_force_next_flush();
\set VERBOSITY terse
DROP INDEX scanned_a;
\set VERBOSITY default
-- Each of these keeps something.
DROP INDEX orders_code;
DROP INDEX CONCURRENTLY orders_code;
DROP INDEX CONCURRENTLY orders_customer;
DROP INDEX CONCURRENTLY orders_identity;
DROP INDEX part_k;
-- The server refuses these itself.
DROP INDEX orders_pkey;
DROP INDEX part1_k_idx;
-- Another index serves as well.
DROP INDEX CONCURRENTLY orders_day_twin;
-- Small tables may lose an index that only makes them faster.
RESET db_guard.small_table_size;
DROP INDEX orders_customer, orders_day;
DROP INDEX orders_code;
-- With an override, as printed.
SET db_guard.allow = 'drop-index-in-use';
SET db_guard.allow_reason = 'no query needs it: plans were compared';
DROP INDEX CONCURRENTLY di.orders_code;
RESET db_guard.allow;
SELECT command_tag, object, outcome, allow_reason FROM db_guard.ddl_log WHERE object LIKE 'di.orders%' AND outcome = 'allowed';
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA di CASCADE;
