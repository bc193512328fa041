-- Constraints: what is said about them, what is let through, and the steps of the hints at work.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA "My shop";
SET search_path = "My shop", public;
CREATE TABLE users (id bigint PRIMARY KEY, email text, CONSTRAINT users_email_key UNIQUE (email));
CREATE TABLE items (id integer PRIMARY KEY, sku varchar(20) UNIQUE, price numeric UNIQUE);
CREATE TABLE "Order" (id bigint PRIMARY KEY, "User" bigint, item integer, "To tal" numeric,
                      sku varchar(10), paid integer, small smallint);
INSERT INTO users SELECT g, g FROM generate_series(1, 1000) g;
INSERT INTO items SELECT g, g, g FROM generate_series(1, 1000) g;
INSERT INTO "Order" SELECT g, g, g, g, g, g, g FROM generate_series(1, 1000) g;
CREATE TABLE events (id bigint, day integer, user_id bigint) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (500);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (500) TO (2000) PARTITION BY RANGE (day);
CREATE TABLE "events 21" PARTITION OF events_2 FOR VALUES FROM (500) TO (2000);
INSERT INTO events SELECT g, g, g FROM generate_series(1, 1000) g;
CREATE INDEX ON events (user_id);
-- The same once more, for the direct way.
CREATE TABLE direct (LIKE events) PARTITION BY RANGE (day);
CREATE TABLE direct_1 PARTITION OF direct FOR VALUES FROM (0) TO (500);
CREATE TABLE direct_2 PARTITION OF direct FOR VALUES FROM (500) TO (2000) PARTITION BY RANGE (day);
CREATE TABLE "direct 21" PARTITION OF direct_2 FOR VALUES FROM (500) TO (2000);
ANALYZE;
\c -
SET search_path = "My shop", public;
SET db_guard.small_table_size = 0;
SET db_guard.show_notes = on;
\set SHOW_CONTEXT never
-- CHECK: the clause stays as typed, and gets the name that the server would choose.
ALTER TABLE "Order" ADD CHECK ("To tal" > 0 /* paid */) -- at last
;
ALTER TABLE "Order" ADD CONSTRAINT "Order_To tal_check" CHECK ("To tal" > 0 /* paid */) NOT VALID -- at last
;
-- In one statement, or in one transaction, NOT VALID saves nothing.
ALTER TABLE "Order" VALIDATE CONSTRAINT "Order_To tal_check", ALTER COLUMN paid SET DEFAULT 0;
BEGIN;
ALTER TABLE "Order" ALTER COLUMN paid SET DEFAULT 0;
ALTER TABLE "Order" VALIDATE CONSTRAINT "Order_To tal_check";
ROLLBACK;
ALTER TABLE "Order" VALIDATE CONSTRAINT "Order_To tal_check";
SELECT conname, convalidated FROM pg_constraint WHERE conrelid = '"Order"'::regclass AND contype = 'c';
-- All partitions are scanned.
ALTER TABLE events ADD CONSTRAINT positive CHECK (id > 0);
-- Of a function that is not immutable.
ALTER TABLE "Order" ADD CONSTRAINT often CHECK (random() < id) NOT VALID;
ALTER TABLE "Order" ADD CONSTRAINT late CHECK (id > 0 OR CURRENT_DATE > '2000-01-01') NOT VALID;
ALTER TABLE "Order" ADD CONSTRAINT fine CHECK (length(sku) > 0 AND abs(paid) >= 0) NOT VALID;
-- Foreign keys.
ALTER TABLE "Order" ADD FOREIGN KEY ("User") REFERENCES users ON DELETE CASCADE;
ALTER TABLE "Order" ADD FOREIGN KEY ("User") REFERENCES users NOT VALID;
CREATE INDEX CONCURRENTLY ON "Order" ("User") WHERE "User" > 10;
ALTER TABLE "Order" ADD CONSTRAINT not_by_partial FOREIGN KEY ("User") REFERENCES users NOT VALID;
CREATE INDEX CONCURRENTLY ON "Order" ("User", id) WHERE "User" IS NOT NULL;
ALTER TABLE "Order" ADD CONSTRAINT by_partial FOREIGN KEY ("User") REFERENCES users NOT VALID;
ALTER TABLE "Order" VALIDATE CONSTRAINT by_partial;
-- Two columns, in any order.
CREATE UNIQUE INDEX CONCURRENTLY items_both ON items (id, price);
CREATE INDEX CONCURRENTLY ON "Order" ("To tal", item);
ALTER TABLE "Order" ADD CONSTRAINT both_ways FOREIGN KEY (item, "To tal") REFERENCES items (id, price) NOT VALID;
-- Types: too narrow, converted, harmless.
CREATE INDEX CONCURRENTLY ON "Order" (small);
CREATE INDEX CONCURRENTLY ON "Order" (paid);
CREATE INDEX CONCURRENTLY ON "Order" (sku);
CREATE INDEX CONCURRENTLY ON "Order" (item);
ALTER TABLE "Order" ADD CONSTRAINT narrow FOREIGN KEY (small) REFERENCES items NOT VALID;
ALTER TABLE "Order" ADD CONSTRAINT converted FOREIGN KEY (paid) REFERENCES items (price) NOT VALID;
ALTER TABLE "Order" ADD CONSTRAINT cut FOREIGN KEY (sku) REFERENCES items (sku) NOT VALID;
ALTER TABLE "Order" ADD CONSTRAINT text_too FOREIGN KEY (sku) REFERENCES users (email) NOT VALID;
ALTER TABLE "Order" ADD CONSTRAINT same FOREIGN KEY (item) REFERENCES items NOT VALID;
ALTER TABLE "Order" DROP CONSTRAINT narrow, DROP CONSTRAINT by_partial;
-- Exclusion constraints have no online way.
ALTER TABLE "Order" ADD EXCLUDE USING gist (int8range(id, id, '[]') WITH &&);
-- Keys.
ALTER TABLE users DROP CONSTRAINT users_email_key;
ALTER TABLE items DROP CONSTRAINT items_pkey CASCADE;
CREATE UNIQUE INDEX CONCURRENTLY users_email_new ON users (email) INCLUDE (id);
ALTER TABLE users DROP CONSTRAINT users_email_key CASCADE,
  ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_new;
SET client_min_messages = error;
CREATE PUBLICATION "all of it" FOR TABLE items WITH (publish = 'update');
RESET client_min_messages;
ALTER TABLE items DROP CONSTRAINT items_pkey CASCADE;
SET db_guard.mode = off;
ALTER PUBLICATION "all of it" SET (publish = 'insert');
RESET db_guard.mode;
ALTER TABLE items DROP CONSTRAINT items_pkey;
-- USING INDEX.
CREATE UNIQUE INDEX CONCURRENTLY descending ON "Order" (id DESC);
ALTER TABLE "Order" ADD UNIQUE USING INDEX descending;
CREATE UNIQUE INDEX CONCURRENTLY event_day ON events_1 (id, day);
ALTER TABLE events_1 ADD PRIMARY KEY USING INDEX event_day;
-- Domains.
SET db_guard.mode = off;
CREATE DOMAIN "E mail" AS text;
CREATE DOMAIN work_mail AS "E mail";
CREATE TABLE people (id integer, home "E mail", work work_mail);
INSERT INTO people SELECT g, g, g FROM generate_series(1, 1000) g;
RESET db_guard.mode;
\c -
SET search_path = "My shop", public;
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never
ALTER DOMAIN "E mail" ADD CONSTRAINT filled CHECK (VALUE <> '') /* all */;
ALTER DOMAIN "E mail" ADD CONSTRAINT filled CHECK (VALUE <> '') NOT VALID /* all */;
ALTER DOMAIN work_mail SET NOT NULL;
ALTER DOMAIN "E mail" VALIDATE CONSTRAINT filled;
ALTER DOMAIN "E mail" DROP CONSTRAINT filled;
SET db_guard.small_table_size = '10MB';
ALTER DOMAIN "E mail" ADD CONSTRAINT filled CHECK (VALUE <> '');
SET db_guard.small_table_size = 0;
-- A key of a partitioned table, by the steps of the hint (before 18) and directly.
SELECT step FROM db_guard.check_sql(
    'ALTER TABLE events ADD FOREIGN KEY (user_id) REFERENCES users') AS found,
    unnest(found.safe_sql) AS step;
SELECT step FROM db_guard.check_sql(
    'ALTER TABLE events ADD FOREIGN KEY (user_id) REFERENCES users') AS found,
    unnest(found.safe_sql) AS step \gexec
SET db_guard.mode = off;
ALTER TABLE direct ADD FOREIGN KEY (user_id) REFERENCES users;
RESET db_guard.mode;
CREATE FUNCTION keys_of(tables text) RETURNS TABLE (key text) LANGUAGE sql AS $$
SELECT format('%s %s valid %s local %s inherited %s %s', replace(conrelid::regclass::text, tables, 'x'),
              replace(conname, tables, 'x'), convalidated, conislocal, coninhcount,
              pg_get_constraintdef(oid))
  FROM pg_constraint
 WHERE contype = 'f' AND conrelid::regclass::text ~ ('^"?' || tables) AND confrelid = 'users'::regclass
$$;
SELECT key FROM keys_of('events') EXCEPT SELECT key FROM keys_of('direct');
SELECT count(*) FROM keys_of('events') WHERE key IN (SELECT key FROM keys_of('direct'));
-- Quiet: small tables, tables of this transaction, temporary ones.
SET db_guard.small_table_size = '10MB';
ALTER TABLE "Order" ADD CHECK (id > 0), ADD FOREIGN KEY (paid) REFERENCES users;
SET db_guard.small_table_size = 0;
BEGIN;
CREATE TABLE fresh (id integer, user_id integer);
ALTER TABLE fresh ADD CHECK (random() < id), ADD EXCLUDE (id WITH =), ADD FOREIGN KEY (user_id) REFERENCES users;
ROLLBACK;
CREATE TEMPORARY TABLE short (id integer CHECK (id > 0));
ALTER TABLE short ADD CHECK (random() < id), ADD EXCLUDE (id WITH =);
\c -
SET client_min_messages = error;
DROP PUBLICATION "all of it";
SET db_guard.mode = off;
DROP SCHEMA "My shop" CASCADE;
