-- What only a whole transaction makes hazardous. A statement alone is judged by other rules.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA ta;
SET search_path = ta;
CREATE TABLE users (id bigint PRIMARY KEY, name text);
CREATE TABLE "Orders" (id bigint PRIMARY KEY, total numeric, "user id" bigint);
CREATE TABLE part (k integer NOT NULL, v integer) PARTITION BY RANGE (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (500);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (500) TO (2000);
INSERT INTO users SELECT g, g FROM generate_series(1, 1000) g;
INSERT INTO "Orders" SELECT g, g, g FROM generate_series(1, 1000) g;
INSERT INTO part SELECT g, g FROM generate_series(1, 1000) g;
CREATE TRIGGER "Quiet" BEFORE UPDATE ON "Orders" FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER loud BEFORE UPDATE ON "Orders" FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE "Orders" ADD CONSTRAINT old CHECK (total >= 0) NOT VALID;
ALTER TABLE users SET (autovacuum_enabled = off);
ALTER TABLE "Orders" SET (autovacuum_enabled = off);
ALTER TABLE part_1 SET (autovacuum_enabled = off);
ANALYZE;
TRUNCATE db_guard.ddl_log;
\c -
SET search_path = ta;
SET db_guard.small_table_size = 0;
SET db_guard.show_notes = on;
-- Not about how things are declared.
SET db_guard.policy_packs = '';
\set SHOW_CONTEXT never

-- NOT VALID and VALIDATE in one transaction: the scan runs under the lock of the first.
BEGIN;
ALTER TABLE "Orders" ADD CONSTRAINT positive CHECK (total >= 0) NOT VALID;
ALTER TABLE "Orders" VALIDATE CONSTRAINT positive;
ROLLBACK;
\set VERBOSITY terse
-- In one statement it is the same.
ALTER TABLE "Orders" ADD CONSTRAINT positive CHECK (total >= 0) NOT VALID, VALIDATE CONSTRAINT old;
-- A lock that no event trigger has seen counts, too; a weaker one does not, nor one that is gone.
BEGIN;
LOCK TABLE "Orders" IN SHARE MODE;
ALTER TABLE "Orders" VALIDATE CONSTRAINT old;
ROLLBACK;
BEGIN;
LOCK TABLE "Orders" IN SHARE UPDATE EXCLUSIVE MODE;
ALTER TABLE "Orders" VALIDATE CONSTRAINT old;
ROLLBACK;
BEGIN;
SAVEPOINT a;
ALTER TABLE "Orders" ALTER total SET DEFAULT 1;
ROLLBACK TO a;
ALTER TABLE "Orders" VALIDATE CONSTRAINT old;
ROLLBACK;
-- By itself it is the safe way.
BEGIN;
ALTER TABLE "Orders" VALIDATE CONSTRAINT old;
ROLLBACK;

-- Long work on one table while another is locked.
\set VERBOSITY default
BEGIN;
ALTER TABLE users ADD COLUMN active boolean;
ALTER TABLE "Orders" VALIDATE CONSTRAINT old;
ROLLBACK;
\set VERBOSITY terse
BEGIN;
SAVEPOINT a;
ALTER TABLE users ADD COLUMN active boolean;
ROLLBACK TO a;
ALTER TABLE "Orders" VALIDATE CONSTRAINT old;
ROLLBACK;
-- A new table is nobody else's business.
BEGIN;
CREATE TABLE fresh (id integer);
ALTER TABLE fresh ADD COLUMN active boolean;
CREATE TEMP TABLE scratch (id integer);
ALTER TABLE scratch ADD COLUMN active boolean;
ALTER TABLE "Orders" VALIDATE CONSTRAINT old;
ROLLBACK;

-- Several tables: a note, once for each further one.
\set VERBOSITY default
BEGIN;
ALTER TABLE users ADD COLUMN active boolean;
ALTER TABLE "Orders" ADD COLUMN note text;
ALTER TABLE "Orders" ADD COLUMN remark text;
ALTER TABLE users ADD COLUMN passive boolean;
ROLLBACK;
\set VERBOSITY terse
BEGIN;
ALTER TABLE part ADD COLUMN w integer;
ALTER TABLE part_1 ALTER w SET DEFAULT 1;
ALTER TABLE part_2 ALTER w SET DEFAULT 2;
ALTER TABLE users ADD COLUMN active boolean;
ROLLBACK;
BEGIN;
SAVEPOINT a;
ALTER TABLE users ADD COLUMN active boolean;
ROLLBACK TO a;
ALTER TABLE "Orders" ADD COLUMN note text;
ROLLBACK;
-- Many small changes of one table are not.
BEGIN;
ALTER TABLE users ADD COLUMN a integer;
ALTER TABLE users ALTER a SET DEFAULT 1;
ALTER TABLE users ADD CONSTRAINT a_positive CHECK (a > 0) NOT VALID;
COMMENT ON COLUMN users.a IS 'one';
ALTER TABLE users DROP CONSTRAINT a_positive;
ROLLBACK;

-- Rows changed under the lock of an earlier statement: told before commit.
\set VERBOSITY default
BEGIN;
ALTER TABLE "Orders" ADD COLUMN gross numeric;
UPDATE "Orders" SET gross = total * 1.19;
COMMIT;
\set VERBOSITY terse
-- In the other order the lock is not held for it; rolled back rows do not count.
BEGIN;
UPDATE "Orders" SET gross = total;
ALTER TABLE "Orders" ALTER gross SET DEFAULT 0;
COMMIT;
BEGIN;
ALTER TABLE "Orders" ALTER gross SET DEFAULT 1;
SAVEPOINT a;
UPDATE "Orders" SET gross = 1;
ROLLBACK TO a;
COMMIT;
-- In partitions; in a function; in a DO block.
BEGIN;
ALTER TABLE part ADD COLUMN x integer;
UPDATE part SET x = 1 WHERE k < 500;
COMMIT;
DO $$
BEGIN
    ALTER TABLE users ADD COLUMN x integer;
    UPDATE users SET x = 1;
END $$;
-- A rewrite by the server is not counted as rows changed.
BEGIN;
SET LOCAL db_guard.allow = 'add-column-volatile-default';
ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();
COMMIT;
-- Small is what costs no time.
SET db_guard.small_table_size = '10MB';
BEGIN;
ALTER TABLE users ADD COLUMN y integer;
UPDATE users SET y = 1;
COMMIT;
SET db_guard.small_table_size = 0;

-- Triggers left disabled.
\set VERBOSITY default
BEGIN;
ALTER TABLE "Orders" DISABLE TRIGGER "Quiet";
COMMIT;
\set VERBOSITY terse
BEGIN;
ALTER TABLE "Orders" DISABLE TRIGGER ALL;
ALTER TABLE "Orders" ENABLE TRIGGER ALL;
COMMIT;
BEGIN;
SAVEPOINT a;
ALTER TABLE "Orders" DISABLE TRIGGER USER;
ROLLBACK TO a;
COMMIT;
-- Alone it is most likely meant: a note.
ALTER TABLE "Orders" DISABLE TRIGGER loud;
-- What was disabled before is not this transaction's doing.
BEGIN;
ALTER TABLE "Orders" DISABLE TRIGGER "Quiet";
ALTER TABLE "Orders" ENABLE TRIGGER "Quiet";
COMMIT;
ALTER TABLE "Orders" ENABLE TRIGGER ALL;

-- Foreign keys without an index, and what serves one.
\set VERBOSITY default
ALTER TABLE "Orders" ADD CONSTRAINT user_fkey FOREIGN KEY ("user id") REFERENCES users NOT VALID;
\set VERBOSITY terse
ALTER TABLE "Orders" DISABLE TRIGGER ALL;
ALTER TABLE "Orders" ENABLE TRIGGER ALL;
ALTER TABLE "Orders" DROP CONSTRAINT user_fkey;
ALTER TABLE "Orders" ADD COLUMN friend bigint REFERENCES users;
CREATE INDEX CONCURRENTLY partly ON "Orders" ("user id") WHERE total > 0;
ANALYZE "Orders", users;
ALTER TABLE "Orders" ADD CONSTRAINT user_fkey FOREIGN KEY ("user id") REFERENCES users NOT VALID;
ALTER TABLE "Orders" DROP CONSTRAINT user_fkey;
CREATE INDEX CONCURRENTLY last ON "Orders" (total, "user id");
ALTER TABLE "Orders" ADD CONSTRAINT user_fkey FOREIGN KEY ("user id") REFERENCES users NOT VALID;
ALTER TABLE "Orders" DROP CONSTRAINT user_fkey;
CREATE INDEX CONCURRENTLY first ON "Orders" ("user id", total);
ALTER TABLE "Orders" ADD CONSTRAINT user_fkey FOREIGN KEY ("user id") REFERENCES users NOT VALID;
ALTER TABLE "Orders" DROP CONSTRAINT user_fkey;
-- It is looked for when the transaction ends.
DROP INDEX CONCURRENTLY first;
BEGIN;
SET LOCAL db_guard.allow = 'create-index-blocking';
ALTER TABLE "Orders" ADD CONSTRAINT user_fkey FOREIGN KEY ("user id") REFERENCES users NOT VALID;
CREATE INDEX first ON "Orders" ("user id");
COMMIT;

-- The policy can make an error of it, which is the end of the transaction.
SELECT db_guard.set_rule('backfill-under-lock', 'block');
BEGIN;
ALTER TABLE users ADD COLUMN blocked integer;
UPDATE users SET blocked = 1;
COMMIT;
SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'blocked';
BEGIN;
SET LOCAL db_guard.allow = 'backfill-under-lock';
SET LOCAL db_guard.allow_reason = 'at night';
ALTER TABLE users ADD COLUMN allowed integer;
UPDATE users SET allowed = 1;
COMMIT;
SELECT db_guard.unset_rule('backfill-under-lock');
-- Off is off.
SET db_guard.mode = off;
BEGIN;
ALTER TABLE users ADD COLUMN off integer;
UPDATE users SET off = 1;
COMMIT;
RESET db_guard.mode;

-- The log has a row for what only the whole transaction did.
SELECT object, outcome, allow_reason, f.value ->> 'rule' AS rule, f.value ->> 'severity' AS severity
  FROM db_guard.ddl_log, jsonb_array_elements(findings) f WHERE command_tag = 'COMMIT' ORDER BY id;
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA ta CASCADE;
