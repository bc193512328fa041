-- What the row audit does when partitions of an audited table come and go is predicted as it is traced.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
SET db_guard.mode = off;
CREATE SCHEMA recorded;
SET search_path = recorded;
CREATE TABLE "Part" (id integer, k integer, r integer, v text) PARTITION BY LIST (k);
CREATE TABLE sub PARTITION OF "Part" FOR VALUES IN (1) PARTITION BY LIST (r);
CREATE TABLE sub_1 PARTITION OF sub FOR VALUES IN (1);
CREATE TABLE sub_2 PARTITION OF sub FOR VALUES IN (2);
CREATE TABLE plain PARTITION OF "Part" FOR VALUES IN (2);
CREATE TABLE loose (id integer, k integer NOT NULL CHECK (k = 3), r integer, v text);
CREATE TABLE alone (id integer);
INSERT INTO "Part" SELECT g, 1 + g % 2, 1 + g % 2, 'x' FROM generate_series(1, 100) AS g;
INSERT INTO loose SELECT g, 3, 1, 'y' FROM generate_series(1, 10) AS g;
CREATE FUNCTION effects(OUT predicted text, OUT traced text, statement text) LANGUAGE plpgsql AS $$
BEGIN
  SELECT string_agg(format('%s %s%s', relation, lock_mode, CASE WHEN scan THEN ' scan' END), ', ' ORDER BY relation)
    INTO predicted FROM db_guard.explain_ddl(statement) WHERE relation NOT LIKE 'db_guard.%';
  SELECT string_agg(format('%s %s%s', relation, lock_mode, CASE WHEN scan THEN ' scan' END), ', ' ORDER BY relation)
    INTO traced FROM db_guard.trace_sql(statement) WHERE relation NOT LIKE 'db_guard.%';
END $$;
CREATE TABLE statements (statement text);
INSERT INTO statements VALUES
  ('DROP TABLE sub'),
  ('DROP TABLE plain'),
  ('ALTER TABLE "Part" DETACH PARTITION sub'),
  ('ALTER TABLE sub DETACH PARTITION sub_2'),
  ('ALTER TABLE "Part" ATTACH PARTITION loose FOR VALUES IN (3)'),
  ('CREATE TABLE made PARTITION OF sub FOR VALUES IN (9)'),
  ('DROP TABLE "Part"'),
  ('DROP TABLE alone');
\x on
-- Not audited, and audited.
SELECT s.statement, e.predicted, e.predicted = e.traced AS as_traced FROM statements AS s, effects(s.statement) AS e;
SELECT db_guard.enable_audit('"Part"'), db_guard.enable_audit('alone');
SELECT s.statement, e.predicted, e.predicted = e.traced AS as_traced FROM statements AS s, effects(s.statement) AS e;
\x off
SET client_min_messages = warning;
DROP SCHEMA recorded CASCADE;
