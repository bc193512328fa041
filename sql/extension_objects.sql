-- The extension itself: everything is explained, nothing is open, nothing stays behind.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
SELECT pg_describe_object(classid, objid, objsubid) AS without_comment
  FROM pg_depend
 WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'db_guard')
   AND classid <> 'pg_type'::regclass
   AND obj_description(objid, classid::regclass::text) IS NULL
 ORDER BY 1;
SELECT attrelid::regclass || '.' || attname AS column_without_comment
  FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
 WHERE relnamespace = 'db_guard'::regnamespace AND relkind IN ('r', 'v', 'p') AND attnum > 0
   AND col_description(attrelid, attnum) IS NULL
 ORDER BY 1;
-- What PUBLIC may do.
SELECT c.oid::regclass AS relation, privilege_type
  FROM pg_class c, aclexplode(relacl) a
 WHERE relnamespace = 'db_guard'::regnamespace AND grantee = 0 ORDER BY 1, 2;
SELECT p.oid::regprocedure AS function, prosecdef, proconfig
  FROM pg_proc p WHERE pronamespace = 'db_guard'::regnamespace
   AND has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT rule, family, severity, lock_mode, work FROM db_guard.rules;
SELECT count(*) AS incomplete FROM db_guard.rules AS r
 WHERE EXISTS (SELECT FROM jsonb_each_text(to_jsonb(r)) WHERE coalesce(value, '') = ''
                  -- What is made anew needs nothing that is there.
                  AND (key <> 'setup' OR r.family NOT IN ('data-types', 'names', 'security', 'structure')));
SET client_min_messages = warning;
DROP EXTENSION db_guard;
SELECT count(*) FROM pg_namespace WHERE nspname = 'db_guard';
SELECT count(*) FROM pg_event_trigger;
SELECT count(*) FROM pg_proc WHERE prosrc LIKE 'db\_guard%';
CREATE EXTENSION db_guard;
-- REINDEX has one of its own from 17 on.
SELECT count(*) >= 9 AS enough FROM pg_event_trigger WHERE evtname LIKE 'db\_guard%';
SELECT count(*) AS logged_so_far FROM db_guard.ddl_log WHERE command_tag <> 'CREATE EXTENSION';
