-- The test functions of the wall. psql's variable "module" is the path of the module.
CREATE SCHEMA wall;

CREATE FUNCTION wall.unwind(depth int, way text) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_unwind';
CREATE FUNCTION wall.nest(levels int, way text) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_nest';
CREATE FUNCTION wall.witnesses() RETURNS text
    LANGUAGE c AS :'module', 'db_guard_wall_witnesses';
CREATE FUNCTION wall.leftovers() RETURNS text
    LANGUAGE c AS :'module', 'db_guard_wall_leftovers';
CREATE FUNCTION wall.ground(way text) RETURNS text
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_ground';
CREATE FUNCTION wall.ground_of_entry() RETURNS text
    LANGUAGE c AS :'module', 'db_guard_wall_ground_of_entry';

CREATE FUNCTION wall.raise_bare(internal bool) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_raise_bare';
CREATE FUNCTION wall.raise_call(internal bool) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_raise_call';
CREATE FUNCTION wall.execute_bare(sql text) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_execute_bare';
CREATE FUNCTION wall.execute_call(sql text) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_execute_call';

CREATE FUNCTION wall.allocate(from_top bool, bytes bigint, alignment int) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_allocate';
CREATE FUNCTION wall.allocate_aligned(alignment int) RETURNS text
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_allocate_aligned';
CREATE FUNCTION wall.outgrow() RETURNS void
    LANGUAGE c AS :'module', 'db_guard_wall_outgrow';
CREATE FUNCTION wall.starve_server() RETURNS void
    LANGUAGE c AS :'module', 'db_guard_wall_starve_server';
CREATE FUNCTION wall.starve_error() RETURNS void
    LANGUAGE c AS :'module', 'db_guard_wall_starve_error';

CREATE FUNCTION wall.spin(lock bigint) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_spin';
CREATE FUNCTION wall.wait(lock bigint) RETURNS void
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_wait';

CREATE FUNCTION wall.limited(milliseconds int, busy bool) RETURNS text
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_limited';

CREATE FUNCTION wall.repeat(what text, count int) RETURNS text
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_repeat';
CREATE FUNCTION wall.sizes() RETURNS text
    LANGUAGE c AS :'module', 'db_guard_wall_sizes';

CREATE FUNCTION wall.roll_back(sql text, way text) RETURNS text
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_roll_back';
CREATE FUNCTION wall.roll_back_nested(insert text, count text) RETURNS text
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_roll_back_nested';
CREATE FUNCTION wall.query(sql text) RETURNS text
    LANGUAGE c AS :'module', 'db_guard_wall_query';
CREATE FUNCTION wall.query(sql text, p1 text) RETURNS text
    LANGUAGE c AS :'module', 'db_guard_wall_query';
CREATE FUNCTION wall.query(sql text, p1 text, p2 text) RETURNS text
    LANGUAGE c AS :'module', 'db_guard_wall_query';
CREATE FUNCTION wall.query(sql text, p1 text, p2 text, p3 text) RETURNS text
    LANGUAGE c AS :'module', 'db_guard_wall_query';
CREATE FUNCTION wall.query_rolled_back(sql text) RETURNS text
    LANGUAGE c STRICT AS :'module', 'db_guard_wall_query_rolled_back';

-- Every field that SQL can see of a statement's error.
CREATE FUNCTION wall.diagnose(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text; context text;
    schema_name text; table_name text; column_name text; type_name text; constraint_name text;
BEGIN
    EXECUTE sql;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS
        state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT, schema_name = SCHEMA_NAME,
        table_name = TABLE_NAME, column_name = COLUMN_NAME, type_name = PG_DATATYPE_NAME,
        constraint_name = CONSTRAINT_NAME;
    RETURN format(E'%s: %s\ndetail: %s\nhint: %s\nplace: %s|%s|%s|%s|%s\ncontext: %s', state,
        message, detail, hint, schema_name, table_name, column_name, type_name, constraint_name,
        context);
END $$;

-- The outcome, and what is left in the backend as soon as the error has been caught. The conversion
-- there and back finds bytes that are no letter, which psql would silently leave out.
CREATE FUNCTION wall.caught(sql text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE sql;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s: %s; left over: %s', SQLSTATE,
        convert_from(convert_to(SQLERRM, 'UTF8'), 'UTF8'), wall.leftovers());
END $$;

-- Whole entries that fail and are caught: the sizes after a warm-up and after `count` more, and
-- nanoseconds an entry.
CREATE FUNCTION wall.endure(way text, count int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    sizes text[];
    times timestamptz[];
BEGIN
    FOR i IN 0 .. count + 1000 LOOP
        IF i IN (1000, count + 1000) THEN
            sizes := sizes || wall.sizes();
            times := times || clock_timestamp();
        END IF;
        BEGIN
            PERFORM wall.unwind(3, way);
        EXCEPTION WHEN OTHERS THEN
        END;
    END LOOP;
    RETURN array_to_string(sizes, ' ') || ' '
        || round(extract(epoch FROM times[2] - times[1]) * 1e9 / count, 1);
END $$;
