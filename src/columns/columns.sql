-- columns: triggers on demand for updated_at, row version, created_by and soft delete.

CREATE FUNCTION db_guard.set_updated_at()
RETURNS trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_set_updated_at';
COMMENT ON FUNCTION db_guard.set_updated_at() IS
'Trigger function of db_guard.enable_updated_at: sets the column that its first argument names when another column has changed. Options: clock=statement, clock=wall, explicit=honour.';
REVOKE ALL ON FUNCTION db_guard.set_updated_at() FROM PUBLIC;
-- Whoever may create a trigger on a table may use it.
GRANT EXECUTE ON FUNCTION db_guard.set_updated_at() TO PUBLIC;

CREATE FUNCTION db_guard.count_row_version()
RETURNS trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_count_row_version';
COMMENT ON FUNCTION db_guard.count_row_version() IS
'Trigger function of db_guard.enable_row_version: adds one to the column that its first argument names when another column has changed, and refuses an UPDATE that states another version than the row has, with SQLSTATE 40001. Option: required=on.';
REVOKE ALL ON FUNCTION db_guard.count_row_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.count_row_version() TO PUBLIC;

CREATE FUNCTION db_guard.set_created_by()
RETURNS trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_set_created_by';
COMMENT ON FUNCTION db_guard.set_created_by() IS
'Trigger function of db_guard.enable_created_by: puts the role that made the row into the column that its first argument names, and refuses to change it (SQLSTATE 428C9). Option: explicit=override.';
REVOKE ALL ON FUNCTION db_guard.set_created_by() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.set_created_by() TO PUBLIC;

CREATE FUNCTION db_guard.keep_deleted_row()
RETURNS trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_keep_deleted_row';
COMMENT ON FUNCTION db_guard.keep_deleted_row() IS
'Trigger function of db_guard.enable_soft_delete: puts a deleted row back with the time in the column that its first argument names, unless db_guard.hard_delete is on. Options: clock=statement, clock=wall.';
REVOKE ALL ON FUNCTION db_guard.keep_deleted_row() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.keep_deleted_row() TO PUBLIC;

CREATE FUNCTION db_guard.refuse_truncate()
RETURNS trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_refuse_truncate';
COMMENT ON FUNCTION db_guard.refuse_truncate() IS
'Trigger function of db_guard.enable_soft_delete: refuses TRUNCATE of a table with soft delete with SQLSTATE 55000, unless db_guard.hard_delete is on.';
REVOKE ALL ON FUNCTION db_guard.refuse_truncate() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.refuse_truncate() TO PUBLIC;

CREATE FUNCTION db_guard.stamp_unless_same(current timestamptz, clock integer, VARIADIC pairs "any")
RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'db_guard_stamp_unless_same';
COMMENT ON FUNCTION db_guard.stamp_unless_same(timestamptz, integer, "any") IS
'What db_guard adds to the SET list of an UPDATE instead of firing the trigger of updated_at; EXPLAIN VERBOSE shows it. The time where the values of a pair (old, new) differ, else current. clock: 0 transaction, 1 statement, 2 wall.';
REVOKE ALL ON FUNCTION db_guard.stamp_unless_same(timestamptz, integer, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.stamp_unless_same(timestamptz, integer, "any") TO PUBLIC;

CREATE FUNCTION db_guard.split_arguments(arguments bytea)
RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'db_guard_split_arguments';
COMMENT ON FUNCTION db_guard.split_arguments(bytea) IS
'The arguments of a trigger, from pg_trigger.tgargs.';
REVOKE ALL ON FUNCTION db_guard.split_arguments(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.split_arguments(bytea) TO PUBLIC;

CREATE VIEW db_guard.managed_tables AS
SELECT c.oid::pg_catalog.regclass AS target,
       feature.name AS feature,
       trigger.arguments[1] AS column_name,
       trigger.arguments[2:] AS options,
       t.tgname AS trigger_name,
       t.tgenabled <> 'D' AS enabled,
       t.tgparentid <> 0 AS inherited,
       n.nspname AS schema_name,
       c.relname AS table_name
  FROM (VALUES ('updated_at', 'db_guard.set_updated_at()'::pg_catalog.regprocedure),
               ('row_version', 'db_guard.count_row_version()'::pg_catalog.regprocedure),
               ('created_by', 'db_guard.set_created_by()'::pg_catalog.regprocedure),
               ('soft_delete', 'db_guard.keep_deleted_row()'::pg_catalog.regprocedure))
       AS feature (name, function)
  JOIN pg_catalog.pg_trigger AS t ON t.tgfoid = feature.function
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT db_guard.split_arguments(t.tgargs)) AS trigger (arguments);

COMMENT ON VIEW db_guard.managed_tables IS
'The tables that have column triggers of db_guard: a row for each trigger.';
COMMENT ON COLUMN db_guard.managed_tables.target IS 'The table.';
COMMENT ON COLUMN db_guard.managed_tables.feature IS 'updated_at, row_version, created_by or soft_delete.';
COMMENT ON COLUMN db_guard.managed_tables.column_name IS 'The column that the trigger writes.';
COMMENT ON COLUMN db_guard.managed_tables.options IS 'What was asked for beyond the defaults, as name=value.';
COMMENT ON COLUMN db_guard.managed_tables.trigger_name IS 'The trigger, for ALTER TABLE with ENABLE or DISABLE TRIGGER.';
COMMENT ON COLUMN db_guard.managed_tables.enabled IS 'False where somebody has disabled the trigger.';
COMMENT ON COLUMN db_guard.managed_tables.inherited IS 'Whether the table is a partition that has it from its parent.';
COMMENT ON COLUMN db_guard.managed_tables.schema_name IS 'The schema of the table.';
COMMENT ON COLUMN db_guard.managed_tables.table_name IS 'The name of the table.';
GRANT SELECT ON db_guard.managed_tables TO PUBLIC;

CREATE FUNCTION db_guard.enable_updated_at(
    target regclass, column_name name DEFAULT 'updated_at', clock text DEFAULT 'transaction',
    explicit_values text DEFAULT 'override')
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_enable_updated_at';
COMMENT ON FUNCTION db_guard.enable_updated_at(regclass, name, text, text) IS
'Has every UPDATE that changes another column set this one (timestamptz or timestamp) to the time. clock: transaction, statement or wall. explicit_values: override what the statement sets, or honour it. Returns whether anything had to be done. Needs the table''s owner; takes SHARE ROW EXCLUSIVE. Errors: 42703 no such column, 42804 wrong type, 42809 not a table, 42501 not the owner. Warns when an index on the column will end HOT updates.';
REVOKE ALL ON FUNCTION db_guard.enable_updated_at(regclass, name, text, text) FROM PUBLIC;
-- The rights on the table decide.
GRANT EXECUTE ON FUNCTION db_guard.enable_updated_at(regclass, name, text, text) TO PUBLIC;

CREATE FUNCTION db_guard.enable_row_version(
    target regclass, column_name name DEFAULT 'version', required boolean DEFAULT false)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_enable_row_version';
COMMENT ON FUNCTION db_guard.enable_row_version(regclass, name, boolean) IS
'Has every UPDATE that changes another column add one to this one (bigint, integer or smallint). An UPDATE that sets it to another version than the row has fails with SQLSTATE 40001. required: an UPDATE that does not set it fails with 23502. Returns whether anything had to be done. Needs the table''s owner; takes SHARE ROW EXCLUSIVE.';
REVOKE ALL ON FUNCTION db_guard.enable_row_version(regclass, name, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.enable_row_version(regclass, name, boolean) TO PUBLIC;

CREATE FUNCTION db_guard.enable_created_by(
    target regclass, column_name name DEFAULT 'created_by', explicit_values text DEFAULT 'honour')
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_enable_created_by';
COMMENT ON FUNCTION db_guard.enable_created_by(regclass, name, text) IS
'Has every INSERT put the role that logged in, or that of SET ROLE, into this column (text, varchar or name) where it is NULL; later changes of it fail with SQLSTATE 428C9. explicit_values: honour what the statement inserts, or override it. Returns whether anything had to be done. Needs the table''s owner; takes SHARE ROW EXCLUSIVE.';
REVOKE ALL ON FUNCTION db_guard.enable_created_by(regclass, name, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.enable_created_by(regclass, name, text) TO PUBLIC;

CREATE FUNCTION db_guard.enable_soft_delete(
    target regclass, column_name name DEFAULT 'deleted_at', clock text DEFAULT 'transaction')
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_enable_soft_delete';
COMMENT ON FUNCTION db_guard.enable_soft_delete(regclass, name, text) IS
'Has a deleted row stay in the table, with the time of its deletion in this column (timestamptz or timestamp, without NOT NULL). DELETE counts and returns rows as ever; foreign keys act as on a DELETE, but rows that are deleted themselves do not count as references ON DELETE NO ACTION. TRUNCATE is refused, also of a partition. db_guard.hard_delete = on really deletes. Returns whether anything had to be done. Needs the table''s owner; takes SHARE ROW EXCLUSIVE.';
REVOKE ALL ON FUNCTION db_guard.enable_soft_delete(regclass, name, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.enable_soft_delete(regclass, name, text) TO PUBLIC;

CREATE FUNCTION db_guard.disable_updated_at(target regclass, column_name name DEFAULT 'updated_at')
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_disable_updated_at';
COMMENT ON FUNCTION db_guard.disable_updated_at(regclass, name) IS
'Takes back db_guard.enable_updated_at; returns whether there was anything to take back. Needs the table''s owner; takes ACCESS EXCLUSIVE for a moment.';
REVOKE ALL ON FUNCTION db_guard.disable_updated_at(regclass, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.disable_updated_at(regclass, name) TO PUBLIC;

CREATE FUNCTION db_guard.disable_row_version(target regclass, column_name name DEFAULT 'version')
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_disable_row_version';
COMMENT ON FUNCTION db_guard.disable_row_version(regclass, name) IS
'Takes back db_guard.enable_row_version; returns whether there was anything to take back. Needs the table''s owner; takes ACCESS EXCLUSIVE for a moment.';
REVOKE ALL ON FUNCTION db_guard.disable_row_version(regclass, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.disable_row_version(regclass, name) TO PUBLIC;

CREATE FUNCTION db_guard.disable_created_by(target regclass, column_name name DEFAULT 'created_by')
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_disable_created_by';
COMMENT ON FUNCTION db_guard.disable_created_by(regclass, name) IS
'Takes back db_guard.enable_created_by; returns whether there was anything to take back. Needs the table''s owner; takes ACCESS EXCLUSIVE for a moment.';
REVOKE ALL ON FUNCTION db_guard.disable_created_by(regclass, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.disable_created_by(regclass, name) TO PUBLIC;

CREATE FUNCTION db_guard.disable_soft_delete(target regclass, column_name name DEFAULT 'deleted_at')
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_disable_soft_delete';
COMMENT ON FUNCTION db_guard.disable_soft_delete(regclass, name) IS
'Takes back db_guard.enable_soft_delete: from then on DELETE really deletes; rows that are marked stay. Returns whether there was anything to take back. Needs the table''s owner; takes ACCESS EXCLUSIVE for a moment.';
REVOKE ALL ON FUNCTION db_guard.disable_soft_delete(regclass, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.disable_soft_delete(regclass, name) TO PUBLIC;

CREATE FUNCTION db_guard.add_standard_columns(target regclass)
RETURNS name[]
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_add_standard_columns';
COMMENT ON FUNCTION db_guard.add_standard_columns(regclass) IS
'Adds those of created_at, updated_at (timestamptz NOT NULL DEFAULT now()), deleted_at (timestamptz) and created_by (text) that the table lacks, in one ALTER TABLE that neither rewrites nor scans, and enables updated_at, soft delete and created_by. Rows that exist get the time of the call as created_at and updated_at, and NULL as created_by. Returns the columns that were added. Needs the table''s owner; takes ACCESS EXCLUSIVE for a moment, so set lock_timeout.';
REVOKE ALL ON FUNCTION db_guard.add_standard_columns(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.add_standard_columns(regclass) TO PUBLIC;

CREATE TABLE db_guard.managed_schemas (
    schema_name name NOT NULL,
    feature     text NOT NULL CHECK (feature IN ('updated_at', 'row_version', 'created_by', 'soft_delete')),
    column_name name NOT NULL,
    PRIMARY KEY (schema_name, feature, column_name)
);

COMMENT ON TABLE db_guard.managed_schemas IS
'The schemas whose new tables get column triggers. Written by db_guard.manage_schema and unmanage_schema with the rights of whoever calls them on this table.';
COMMENT ON COLUMN db_guard.managed_schemas.schema_name IS 'The schema.';
COMMENT ON COLUMN db_guard.managed_schemas.feature IS 'updated_at, row_version, created_by or soft_delete.';
COMMENT ON COLUMN db_guard.managed_schemas.column_name IS 'Tables with this column get the trigger.';
REVOKE ALL ON TABLE db_guard.managed_schemas FROM PUBLIC;
-- Whoever creates a table reads it.
GRANT SELECT ON TABLE db_guard.managed_schemas TO PUBLIC;

-- By row, and always: a COPY of a restore and an apply worker bring rows, too.
CREATE TRIGGER db_guard_tell_of_rows AFTER INSERT ON db_guard.managed_schemas
    FOR EACH ROW EXECUTE FUNCTION db_guard.tell_of_rows();
ALTER TABLE db_guard.managed_schemas ENABLE ALWAYS TRIGGER db_guard_tell_of_rows;
COMMENT ON TRIGGER db_guard_tell_of_rows ON db_guard.managed_schemas IS
'Tells sessions that remember the table as empty.';

SELECT pg_catalog.pg_extension_config_dump('db_guard.managed_schemas', '');

CREATE FUNCTION db_guard.remember_schema(schema_name name, feature text, column_name name, future boolean)
RETURNS name
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_remember_schema';
COMMENT ON FUNCTION db_guard.remember_schema(name, text, name, boolean) IS
'For db_guard.manage_schema: checks its arguments, makes the entry where future is true, returns the column.';
REVOKE ALL ON FUNCTION db_guard.remember_schema(name, text, name, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.remember_schema(name, text, name, boolean) TO PUBLIC;

CREATE FUNCTION db_guard.enable_where_it_fits(target regclass, feature text, column_name name)
RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_enable_where_it_fits';
COMMENT ON FUNCTION db_guard.enable_where_it_fits(regclass, text, name) IS
'For db_guard.manage_schema: enables the column trigger where the table has a column for it; returns enabled, was enabled, no such column, wrong column or not the owner.';
REVOKE ALL ON FUNCTION db_guard.enable_where_it_fits(regclass, text, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.enable_where_it_fits(regclass, text, name) TO PUBLIC;

CREATE FUNCTION db_guard.manage_schema(
    schema_name name, feature text DEFAULT 'updated_at', column_name name DEFAULT NULL,
    future boolean DEFAULT true)
RETURNS TABLE (target regclass, state text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH entry AS MATERIALIZED (
        SELECT db_guard.remember_schema(manage_schema.schema_name, manage_schema.feature,
                                        manage_schema.column_name, manage_schema.future) AS column_name)
    SELECT c.oid::pg_catalog.regclass,
           db_guard.enable_where_it_fits(c.oid, manage_schema.feature, entry.column_name)
      FROM entry CROSS JOIN pg_catalog.pg_class AS c
     WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n
                              WHERE n.nspname = manage_schema.schema_name)
       AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     ORDER BY c.relname;
$$;
COMMENT ON FUNCTION db_guard.manage_schema(name, text, name, boolean) IS
'Enables updated_at, row_version, created_by or soft_delete for all tables of the schema that have the column (default: as in the enable functions), and, with future, for those that will be created there or get it later. Returns a row a table: enabled, was enabled, no such column, wrong column or not the owner. future needs INSERT on db_guard.managed_schemas.';
REVOKE ALL ON FUNCTION db_guard.manage_schema(name, text, name, boolean) FROM PUBLIC;
-- The rights on the tables decide.
GRANT EXECUTE ON FUNCTION db_guard.manage_schema(name, text, name, boolean) TO PUBLIC;

CREATE FUNCTION db_guard.unmanage_schema(
    schema_name name, feature text DEFAULT NULL, column_name name DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM db_guard.managed_schemas AS entry
         WHERE entry.schema_name = unmanage_schema.schema_name
           AND (unmanage_schema.feature IS NULL OR entry.feature = unmanage_schema.feature)
           AND (unmanage_schema.column_name IS NULL OR entry.column_name = unmanage_schema.column_name)
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM gone;
$$;
COMMENT ON FUNCTION db_guard.unmanage_schema(name, text, name) IS
'Takes back what db_guard.manage_schema said about future tables (NULL: all features, all columns), and returns how many entries that were. The triggers that exist stay. Needs DELETE on db_guard.managed_schemas.';
REVOKE ALL ON FUNCTION db_guard.unmanage_schema(name, text, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.unmanage_schema(name, text, name) TO PUBLIC;

CREATE FUNCTION db_guard.follow_ddl()
RETURNS event_trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'db_guard_follow_ddl';
COMMENT ON FUNCTION db_guard.follow_ddl() IS
'Has column triggers follow columns that are renamed or dropped, and come to new tables of managed schemas and to new partitions.';

CREATE EVENT TRIGGER db_guard_follow_ddl ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
    EXECUTE FUNCTION db_guard.follow_ddl();
COMMENT ON EVENT TRIGGER db_guard_follow_ddl IS
'db_guard: column triggers follow the columns and come to new tables of managed schemas.';

CREATE FUNCTION db_guard.create_living_view(target regclass, view_name name DEFAULT NULL)
RETURNS regclass
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'db_guard_create_living_view';
COMMENT ON FUNCTION db_guard.create_living_view(regclass, name) IS
'Creates, or brings up to date, a view of the rows that are not deleted, in the table''s schema and with the rights of whoever reads it (security_invoker); default name: the table''s with _living. It takes INSERT, UPDATE and DELETE. Call it again when the table has new columns. Errors: 55000 no soft delete, 42P07 the name is taken.';
REVOKE ALL ON FUNCTION db_guard.create_living_view(regclass, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.create_living_view(regclass, name) TO PUBLIC;

CREATE FUNCTION db_guard.purge_deleted(
    target regclass, older_than interval DEFAULT '0', max_rows bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET db_guard.hard_delete = on
AS 'MODULE_PATHNAME', 'db_guard_purge_deleted';
COMMENT ON FUNCTION db_guard.purge_deleted(regclass, interval, bigint) IS
'Really deletes the rows that were deleted that long ago, at most max_rows of them, and returns how many. With the rights of the caller, who needs SELECT and DELETE (and UPDATE, with max_rows). Foreign keys act as on any DELETE.';
REVOKE ALL ON FUNCTION db_guard.purge_deleted(regclass, interval, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.purge_deleted(regclass, interval, bigint) TO PUBLIC;

CREATE FUNCTION db_guard.propose_living_indexes(target regclass)
RETURNS TABLE (index_name regclass, statements text[], remark text)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH mark AS (
        SELECT a.attnum, a.attname
          FROM pg_catalog.pg_trigger AS t
          JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = t.tgrelid AND a.attname = (db_guard.split_arguments(t.tgargs))[1]
         WHERE t.tgrelid = propose_living_indexes.target
           AND t.tgfoid = 'db_guard.keep_deleted_row()'::pg_catalog.regprocedure
         LIMIT 1
    ), candidate AS (
        SELECT i.indexrelid, c.relname, n.nspname, r.relkind, mark.attname, con.conname, con.condeferrable,
               pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
               pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
               left(c.relname, 63 - (octet_length(c.relname) - char_length(c.relname)) - 7) || '_living' AS new_name,
               EXISTS (SELECT FROM pg_catalog.pg_constraint AS f
                        WHERE f.contype = 'f' AND f.conindid = i.indexrelid) AS is_referenced
          FROM pg_catalog.pg_index AS i
          JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
          JOIN pg_catalog.pg_class AS r ON r.oid = i.indrelid
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_constraint AS con
            ON con.conindid = i.indexrelid AND con.contype IN ('u', 'x')
         CROSS JOIN mark
         WHERE i.indrelid = propose_living_indexes.target AND i.indisunique AND NOT i.indisprimary
           AND NOT mark.attnum = ANY (i.indkey::smallint[])
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                              AND d.objid = i.indexrelid
                              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                              AND d.refobjid = i.indrelid AND d.refobjsubid = mark.attnum)
    ), part AS (
        -- The definition without its beginning and its predicate.
        SELECT *, format('CREATE UNIQUE INDEX %I ON ', relname) AS head,
               coalesce(' WHERE ' || predicate, '') AS tail
          FROM candidate
    ), ready AS (
        SELECT *, format('CREATE UNIQUE INDEX %s%I ON %s WHERE %s%I IS NULL',
                         CASE relkind WHEN 'p' THEN '' ELSE 'CONCURRENTLY ' END, new_name,
                         substr(definition, char_length(head) + 1,
                                char_length(definition) - char_length(head) - char_length(tail)),
                         coalesce(predicate || ' AND ', ''), attname) AS creation
          FROM part
    )
    SELECT indexrelid::pg_catalog.regclass,
           CASE WHEN is_referenced THEN '{}'
                ELSE ARRAY[creation,
                           CASE WHEN conname IS NOT NULL
                                THEN format('ALTER TABLE %s DROP CONSTRAINT %I',
                                            propose_living_indexes.target, conname)
                                WHEN relkind = 'p' THEN format('DROP INDEX %I.%I', nspname, relname)
                                ELSE format('DROP INDEX CONCURRENTLY %I.%I', nspname, relname) END]
                END,
           CASE WHEN is_referenced
                THEN 'a foreign key refers to it, and none can refer to a partial index'
                WHEN relkind = 'p'
                THEN 'the index of a partitioned table cannot be built CONCURRENTLY: writers wait for it'
                WHEN condeferrable THEN 'the constraint is deferrable, and an index is not' END
      FROM ready
     ORDER BY relname;
$$;
COMMENT ON FUNCTION db_guard.propose_living_indexes(regclass) IS
'For a table with soft delete: its unique indexes and constraints for which deleted rows still count, and the statements, each to be run outside a transaction block, that replace them by partial ones. No statements where that is not possible; remark says why. Primary keys are left alone.';
REVOKE ALL ON FUNCTION db_guard.propose_living_indexes(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db_guard.propose_living_indexes(regclass) TO PUBLIC;
