-- The pack "security", and versions of extensions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA safety;
SET search_path = safety;
SELECT db_guard.is_judging();
SET db_guard.policy_packs = 'security, structure';
SET db_guard.standard_columns = '';
SET db_guard.show_notes = on;
CREATE ROLE regress_db_guard_clerk;
CREATE TABLE orders (id uuid PRIMARY KEY);

GRANT SELECT, INSERT ON orders TO PUBLIC;
GRANT ALL ON "orders" TO regress_db_guard_clerk, PUBLIC;
GRANT SELECT (id) ON safety.orders TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA safety TO PUBLIC;
GRANT CREATE ON SCHEMA safety TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA safety GRANT SELECT ON TABLES TO PUBLIC;
GRANT SELECT ON orders TO regress_db_guard_clerk, CURRENT_USER WITH GRANT OPTION;
CREATE FUNCTION safety."Purge"() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN END';
CREATE PROCEDURE purge() LANGUAGE plpgsql SECURITY DEFINER SET work_mem = '1MB' AS 'BEGIN END';
CREATE EXTENSION IF NOT EXISTS plpgsql;

-- Silent.
GRANT SELECT ON orders TO regress_db_guard_clerk;
GRANT USAGE ON SCHEMA safety TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA safety TO PUBLIC;
REVOKE ALL ON orders FROM PUBLIC;
REVOKE GRANT OPTION FOR SELECT ON orders FROM regress_db_guard_clerk;
ALTER DEFAULT PRIVILEGES IN SCHEMA safety REVOKE SELECT ON TABLES FROM PUBLIC;
CREATE FUNCTION f1() RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION f2() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN END';
CREATE FUNCTION f3() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET Search_Path FROM CURRENT AS 'BEGIN END';
CREATE FUNCTION f4() RETURNS bigint LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT count(*) FROM orders; END;
CREATE FUNCTION f5(integer, integer) RETURNS integer LANGUAGE internal SECURITY DEFINER AS 'int4pl';
CREATE EXTENSION IF NOT EXISTS plpgsql VERSION '1.0';
-- A warning is heard in every mode that warns, and can be allowed.
SET db_guard.show_notes = off;
CREATE FUNCTION g1() RETURNS void LANGUAGE sql SECURITY DEFINER AS '';
SET db_guard.mode = log;
CREATE FUNCTION g2() RETURNS void LANGUAGE sql SECURITY DEFINER AS '';
RESET db_guard.mode;
BEGIN;
SET LOCAL db_guard.allow = 'security-definer-search-path';
CREATE FUNCTION g3() RETURNS void LANGUAGE sql SECURITY DEFINER AS '';
COMMIT;
SELECT object, outcome, jsonb_path_query_array(findings, '$[*].rule') FROM db_guard.ddl_log WHERE object LIKE 'g_' ORDER BY id;
\c -
SET client_min_messages = warning;
DROP SCHEMA safety CASCADE;
DROP ROLE regress_db_guard_clerk;
