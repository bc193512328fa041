-- What only a whole transaction does, and where a script's transactions are not what they look like.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
SET db_guard.mode = off;
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total numeric);
INSERT INTO orders SELECT g, g, g FROM generate_series(1, 1000) g;
CREATE TRIGGER quiet BEFORE UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE FUNCTION found(script text)
RETURNS TABLE (line integer, rule text, severity text, message text, safe_sql text[])
LANGUAGE sql BEGIN ATOMIC
    SELECT f.line, f.rule, f.severity, f.message, f.safe_sql FROM db_guard.check_sql(script) AS f
     WHERE f.rule IN ('backfill-under-lock', 'triggers-left-disabled', 'transaction-slip', 'not-judged')
     ORDER BY 1, 2;
END;
\connect -
-- The table is not this session's own.
SET db_guard.small_table_size = 0;

\echo rows changed under the lock of an earlier statement
SELECT * FROM found($$BEGIN;
ALTER TABLE orders ADD COLUMN gross numeric;
UPDATE orders SET gross = total;
COMMIT;$$);
\echo in transactions of their own they are not
SELECT * FROM found($$ALTER TABLE orders ADD COLUMN gross numeric;
UPDATE orders SET gross = total;$$);
\echo a savepoint takes the lock back
SELECT * FROM found($$BEGIN;
SAVEPOINT a;
ALTER TABLE orders ADD COLUMN gross numeric;
ROLLBACK TO a;
UPDATE orders SET total = 0;
COMMIT;$$);
\echo one that is released does not
SELECT * FROM found($$BEGIN;
SAVEPOINT a;
ALTER TABLE orders ADD COLUMN gross numeric;
RELEASE a;
UPDATE orders SET gross = total;
COMMIT;$$);
\echo what is rolled back is not reported
SELECT * FROM found($$BEGIN;
ALTER TABLE orders ADD COLUMN gross numeric;
UPDATE orders SET gross = total;
ROLLBACK;$$);
\echo COMMIT AND CHAIN begins anew
SELECT * FROM found($$BEGIN;
ALTER TABLE orders ADD COLUMN gross numeric;
COMMIT AND CHAIN;
UPDATE orders SET gross = total;
COMMIT;$$);
\echo a body of DO is one transaction
SELECT * FROM found($$DO $do$ BEGIN
ALTER TABLE orders ADD COLUMN gross numeric;
EXECUTE 'UPDATE orders SET gross = total';
END $do$;$$);
\echo triggers that stay disabled
SELECT * FROM found($$BEGIN;
ALTER TABLE orders DISABLE TRIGGER quiet;
COMMIT;$$);
SELECT * FROM found($$BEGIN;
ALTER TABLE orders DISABLE TRIGGER quiet;
UPDATE orders SET total = 0 WHERE id = 1;
ALTER TABLE orders ENABLE TRIGGER quiet;
COMMIT;$$);
SELECT * FROM found('ALTER TABLE orders DISABLE TRIGGER quiet');
\echo allowed by the script itself, for that transaction
SELECT * FROM found($$BEGIN;
SET LOCAL db_guard.allow = 'backfill-under-lock';
ALTER TABLE orders ADD COLUMN gross numeric;
UPDATE orders SET gross = total;
COMMIT;
BEGIN;
ALTER TABLE orders ADD COLUMN net numeric;
UPDATE orders SET net = total;
COMMIT;$$);
\echo by a comment
SELECT * FROM found($$BEGIN;
ALTER TABLE orders ADD COLUMN gross numeric;
UPDATE orders SET gross = total;
-- db_guard: allow backfill-under-lock because nobody works at that hour
COMMIT;$$);
\echo transactions that are not what they look like
SELECT line, rule, severity, message FROM found($$BEGIN;
SELECT 1;
BEGIN;
COMMIT;
COMMIT;
BEGIN;
SAVEPOINT a;
ROLLBACK TO b;
RELEASE a;
RELEASE a;
ROLLBACK;
BEGIN;
SELECT 1;$$);
\echo what a rollback takes back
SELECT line, rule, severity, message FROM found($$CREATE TABLE kept (id bigint);
BEGIN;
CREATE TABLE lost (id bigint);
ALTER TABLE orders RENAME TO lost_name;
ROLLBACK;
ALTER TABLE kept ADD COLUMN a text;
ALTER TABLE lost ADD COLUMN a text;
ALTER TABLE orders DROP COLUMN total;
BEGIN;
CREATE TABLE kept_too (id bigint);
SAVEPOINT a;
CREATE TABLE lost_too (id bigint);
ROLLBACK TO a;
CREATE TABLE made_behind (id bigint);
COMMIT;
ALTER TABLE kept_too ALTER COLUMN id SET NOT NULL;
ALTER TABLE lost_too ALTER COLUMN id SET NOT NULL;
ALTER TABLE made_behind ALTER COLUMN id SET NOT NULL;
SET search_path = nowhere;
BEGIN;
ROLLBACK;
ALTER TABLE public.kept ALTER COLUMN id SET NOT NULL;$$);
\echo and in a report
SELECT message FROM db_guard.check_report($$BEGIN;$$, 'text') AS message;
