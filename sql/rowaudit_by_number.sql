-- Each partition of the log has an index by number, of ranges of pages. What comes after a range was summed up
-- has to widen it; otherwise it would not be found.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
SET db_guard.mode = off;
CREATE SCHEMA "Number";
SET search_path = "Number";
CREATE TABLE item (id integer PRIMARY KEY, v text);
SELECT db_guard.enable_audit('item');
CREATE VIEW log_index AS
SELECT i.indexrelid, p.inhrelid AS partition
  FROM pg_inherits AS p JOIN pg_index AS i ON i.indrelid = p.inhrelid
  JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
 WHERE p.inhparent = 'db_guard.audit_event'::regclass AND a.amname = 'brin';
SELECT count(*) = count(l.partition) AND count(*) > 0 AS each_has_one
  FROM pg_inherits AS p LEFT JOIN log_index AS l ON l.partition = p.inhrelid
 WHERE p.inhparent = 'db_guard.audit_event'::regclass;
-- The first and the last event of each page, and how many of them are not found by their number.
CREATE FUNCTION missed(OUT looked_for_enough boolean, OUT missed integer) LANGUAGE plpgsql AS $$
DECLARE
  numbers bigint[];
  number bigint;
  found_one boolean;
  plan json;
BEGIN
  SELECT array_agg(n) INTO numbers
    FROM (SELECT min(audit_id), max(audit_id) FROM db_guard.audit_event GROUP BY tableoid, (ctid::text::point)[0]) AS page (first, last),
         LATERAL (VALUES (first), (last)) AS v (n);
  looked_for_enough := cardinality(numbers) > 20;
  missed := 0;
  SET LOCAL enable_seqscan = off;
  FOREACH number IN ARRAY numbers LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM db_guard.audit_event WHERE audit_id = %s)', number) INTO found_one;
    missed := missed + (NOT found_one)::integer;
  END LOOP;
  EXECUTE format('EXPLAIN (FORMAT json) SELECT FROM db_guard.audit_event WHERE audit_id = %s', number) INTO plan;
  IF plan::text NOT LIKE '%Bitmap Index Scan%' THEN
    RAISE EXCEPTION 'not looked for in the index';
  END IF;
END $$;
INSERT INTO item SELECT g, repeat('x', 50) FROM generate_series(1, 1000) AS g;
SELECT count(brin_summarize_new_values(indexrelid)) > 0 AS summed_up FROM log_index;
SELECT * FROM missed();
-- Many at once, one alone, and some that are rolled back.
INSERT INTO item SELECT g, repeat('x', 50) FROM generate_series(1001, 4000) AS g;
SELECT * FROM missed();
UPDATE item SET v = 'one' WHERE id = 1;
SELECT * FROM missed();
BEGIN;
SAVEPOINT s;
UPDATE item SET v = 'more' WHERE id <= 500;
ROLLBACK TO s;
DELETE FROM item WHERE id = 4;
COMMIT;
SELECT * FROM missed();
-- And with the other indexes of the log.
BEGIN;
SELECT db_guard.create_audit_index() > 0 AS indexed;
UPDATE item SET v = 'many' WHERE id > 3000;
UPDATE item SET id = -id WHERE id = 7;
SELECT * FROM missed();
SELECT count(*) FROM db_guard.audit_history('item', '{"id": -7}');
ROLLBACK;
-- Whoever reads the log gets all of it.
SELECT (SELECT count(*) FROM db_guard.audit_entries('item')) =
       (SELECT count(*) FROM db_guard.audit_event AS e JOIN db_guard.audited_table AS t USING (table_id) WHERE t.table_name = 'item') AS all_of_them;
SET client_min_messages = warning;
DROP SCHEMA "Number" CASCADE;
