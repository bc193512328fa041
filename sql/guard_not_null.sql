-- SET NOT NULL: which proofs count. From 18 on the safe way is another one.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA nn;
CREATE TABLE nn.t (a integer, b integer, c integer, d integer, e integer);
INSERT INTO nn.t SELECT g, g, g, g, g FROM generate_series(1, 1000) g;
ALTER TABLE nn.t ADD CONSTRAINT exact CHECK (a IS NOT NULL);
ALTER TABLE nn.t ADD CONSTRAINT compound CHECK (b IS NOT NULL AND b > 0);
ALTER TABLE nn.t ADD CONSTRAINT not_valid CHECK (c IS NOT NULL) NOT VALID;
-- Mentions IS NOT NULL and proves nothing.
ALTER TABLE nn.t ADD CONSTRAINT either CHECK (d IS NOT NULL OR a > 0);
CREATE TABLE nn.p (k integer, v integer) PARTITION BY RANGE (k);
CREATE TABLE nn.p1 PARTITION OF nn.p FOR VALUES FROM (0) TO (10);
INSERT INTO nn.p SELECT g % 10, g FROM generate_series(1, 1000) g;
\c -
SET db_guard.small_table_size = 0;
\set SHOW_CONTEXT never
ALTER TABLE nn.t ALTER COLUMN a SET NOT NULL;
ALTER TABLE nn.t ALTER COLUMN a SET NOT NULL;
ALTER TABLE nn.t ALTER COLUMN b SET NOT NULL;
ALTER TABLE nn.t ALTER COLUMN c SET NOT NULL;
ALTER TABLE nn.t ALTER COLUMN d SET NOT NULL;
ALTER TABLE nn.t ADD PRIMARY KEY (e, a);
ALTER TABLE nn.p ALTER COLUMN v SET NOT NULL;
ALTER TABLE ONLY nn.p ALTER COLUMN k SET NOT NULL;
-- The steps of the hint, as printed.
ALTER TABLE nn.t ADD CONSTRAINT t_e_not_null CHECK (e IS NOT NULL) NOT VALID;
ALTER TABLE nn.t VALIDATE CONSTRAINT t_e_not_null;
ALTER TABLE nn.t ALTER COLUMN e SET NOT NULL;
ALTER TABLE nn.t DROP CONSTRAINT t_e_not_null;
\c -
SET client_min_messages = warning;
SET db_guard.mode = off;
DROP SCHEMA nn CASCADE;
