"""The shapes in which a rule's example is proved: the example itself, the same under names that need
quoting, in partitions, with dependents, and examples of our own where a text cannot be derived."""
from proof_names import long_name, odd_name, qualified, renamed, words_of
from psql_script import Script, quote_literal, quote_name

OWNER = "db_guard_proof_owner"
READER = "db_guard_proof_reader"
SCHEMA = 'Pro "of"'

CATALOG = """
SELECT 'relation', c.relname, c.relkind::text, coalesce(t.relname, '') FROM pg_class c
  LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
 WHERE c.relnamespace = {schema}::regnamespace
UNION ALL
SELECT 'column', a.attname, format_type(a.atttypid, a.atttypmod), c.relname FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace = {schema}::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
   AND c.relkind IN ('r', 'p', 'v', 'm', 'c')
UNION ALL
SELECT 'constraint', conname, contype::text, '' FROM pg_constraint WHERE connamespace = {schema}::regnamespace
UNION ALL
SELECT 'key', a.attname, '', c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
 WHERE i.indisprimary AND c.relnamespace = {schema}::regnamespace
UNION ALL
SELECT 'function', proname, '', '' FROM pg_proc WHERE pronamespace = {schema}::regnamespace
UNION ALL
SELECT 'trigger', tgname, '', '' FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'policy', polname, '', '' FROM pg_policy
UNION ALL
SELECT 'type', typname, '', '' FROM pg_type WHERE typnamespace = {schema}::regnamespace AND typname !~ '^_'
"""


class Catalog:
    def __init__(self, session, schema="public"):
        schema = quote_literal(quote_name(schema))
        self.rows = [tuple(row) for row in session.rows(CATALOG.format(schema=schema))]

    def names(self, *kinds):
        return {name for kind, name, _, _ in self.rows if not kinds or kind in kinds}

    def columns(self, table):
        return [(name, kind) for what, name, kind, owner in self.rows if what == "column" and owner == table]

    def tables(self):
        return [name for what, name, kind, _ in self.rows if what == "relation" and kind in "rp"]

    def key_of(self, table):
        return next((name for what, name, _, owner in self.rows if what == "key" and owner == table), None)

    def main_table(self, example):
        """The one that the example is about."""
        owner = {name: table for what, name, kind, table in self.rows if what == "relation" and kind in "iI"}
        tables = self.tables()
        named = words_of(example)
        for word in sorted(named, key=example.lower().find):
            if owner.get(word, word) in tables:
                return owner.get(word, word)
        return tables[-1] if tables else None

    def main_column(self, example):
        """The column of it that the example names, otherwise its last one."""
        table = self.main_table(example)
        columns = [name for name, _ in self.columns(table)] if table else []
        named = [name for name in columns if name in words_of(example)]
        return named[0] if named else columns[-1] if columns else None


class Case:
    """One rule's example in one shape. `setup` and `extra` are lists of statements."""

    def __init__(self, rule, shape, setup, example, good=None, catalog=None):
        self.rule = rule
        self.shape = shape
        self.setup = setup
        self.example = example
        self.good = good
        self.catalog = catalog
        self.role = None
        self.schema = None
        self.own = False  # one of EXAMPLES
        # Statements behind the setup, and those of them that the example can be run with.
        self.candidates = []
        self.dependents = []

    @property
    def name(self):
        return f"{self.rule.slug} ({self.shape})"


def statements_of(text):
    return [item[1] for item in Script(text, {}) if item[0] == "sql"]


# Their example takes long to set up.
ONLY_PLAIN = ("lock-fan-out",)


def derived_cases(plain, before, after):
    """`before` and `after` the example: what the plain database held."""
    if plain.rule.slug in ONLY_PLAIN:
        return
    known = words_of(plain.example) | words_of("; ".join(plain.setup))
    names = (before.names() | after.names()) & known
    if names:
        yield renamed_case(plain, "quoted names", {name: odd_name(name) for name in names})
        yield other_schema_case(plain, before, {name: long_name(name) for name in names})
    yield from partitioned_case(plain, before)
    yield from dependents_case(plain, before)


def renamed_case(plain, shape, names):
    setup = [renamed(statement, names) for statement in plain.setup]
    return Case(plain.rule, shape, setup, renamed(plain.example, names), plain.good and renamed(plain.good, names))


def other_schema_case(plain, before, names):
    """Not on the search path, by an owner who is nobody special, and as long as names may be."""
    case = renamed_case(plain, "long names, other schema", names)
    objects = {names.get(name, name) for name in before.names("relation", "function", "type")}
    case.example = qualified(case.example, objects, SCHEMA)
    case.good = case.good and qualified(case.good, objects, SCHEMA)
    case.schema = SCHEMA
    case.role = OWNER
    return case


# --- partitions -------------------------------------------------------------------------------------


def partitioned_case(plain, before):
    table = before.main_table(plain.example)
    columns = before.columns(table) if table else []
    if not columns:
        return
    numbers = [name for name, kind in columns if kind in ("integer", "bigint", "smallint", "numeric")]
    key = before.key_of(table) or (numbers or [columns[0][0]])[0]
    strategy = "RANGE" if key in numbers else "HASH"
    setup, found = [], False
    for statement in plain.setup:
        if not found and creates_table(statement, table):
            found = True
            setup.append(f"{statement.rstrip().rstrip(';')} PARTITION BY {strategy} ({quote_name(key)})")
            setup += (range_partitions if strategy == "RANGE" else hash_partitions)(table, key)
        else:
            setup.append(statement)
    if found:
        yield Case(plain.rule, "partitioned", setup, plain.example)


def creates_table(statement, table):
    words = statement.split("(")[0].lower().split()
    return words[-1:] == [table] and words[:1] == ["create"] and "table" in words


def range_partitions(table, key):
    low, middle, rest = (quote_name(f"{table}_{part}") for part in ("low", "Mid dle", "rest"))
    parent, key = quote_name(table), quote_name(key)
    return [f"CREATE TABLE {low} PARTITION OF {parent} FOR VALUES FROM (MINVALUE) TO (300)",
            f"CREATE TABLE {middle} PARTITION OF {parent} FOR VALUES FROM (300) TO (600) PARTITION BY RANGE ({key})",
            f"CREATE TABLE {quote_name(table + '_m1')} PARTITION OF {middle} FOR VALUES FROM (300) TO (450)",
            f"CREATE TABLE {quote_name(table + '_m2')} PARTITION OF {middle} FOR VALUES FROM (450) TO (600)",
            f"CREATE TABLE {rest} PARTITION OF {parent} DEFAULT"]


def hash_partitions(table, key):
    parent, key, sub = quote_name(table), quote_name(key), quote_name(table + "_1")
    return [f"CREATE TABLE {quote_name(table + '_0')} PARTITION OF {parent} FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
            f"CREATE TABLE {sub} PARTITION OF {parent} FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY HASH ({key})",
            f"CREATE TABLE {quote_name(table + '_1_0')} PARTITION OF {sub} FOR VALUES WITH (MODULUS 1, REMAINDER 0)"]


# --- dependents -------------------------------------------------------------------------------------


def dependents_case(plain, before):
    table, column = before.main_table(plain.example), before.main_column(plain.example)
    # What hangs on it is tried out in a transaction, which an example with a COMMIT would end.
    if table is None or column is None or "COMMIT" in plain.example:
        return
    case = Case(plain.rule, "with dependents", plain.setup, plain.example)
    kind = dict(before.columns(table))[column]
    case.candidates = list(of_table(table, before)) + list(of_column(table, column, kind))
    yield case


# One of each kind: of what hangs on the table, and of what hangs on the column that the example names.
def of_table(table, before):
    name = quote_name(table)
    yield f"CREATE VIEW dep_view AS SELECT * FROM {name}"
    yield f"CREATE MATERIALIZED VIEW dep_matview AS SELECT count(*) AS n FROM {name}"
    yield "CREATE FUNCTION dep_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
    yield (f"CREATE TRIGGER dep_trigger BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW "
           "EXECUTE FUNCTION dep_function()")
    yield f"CREATE RULE dep_rule AS ON DELETE TO {name} WHERE false DO INSTEAD NOTHING"
    yield f"CREATE POLICY dep_policy ON {name} USING (true)"
    yield f"CREATE PUBLICATION dep_publication FOR TABLE {name}"
    yield f"COMMENT ON TABLE {name} IS 'it''s a comment'"
    yield f"GRANT SELECT, UPDATE ON {name} TO {READER}"
    key = before.key_of(table)
    if key is not None:
        kind = dict(before.columns(table))[key]
        yield f"CREATE TABLE dep_child (parent {kind} REFERENCES {name} ON DELETE CASCADE, n int)"
        yield f"INSERT INTO dep_child SELECT {quote_name(key)}, 1 FROM {name}"


def of_column(table, column, kind):
    name, quoted = quote_name(table), quote_name(column)
    yield f"CREATE INDEX dep_index ON {name} ({quoted})"
    yield f"CREATE INDEX dep_partial ON {name} ({quoted} DESC) WHERE {quoted} IS NOT NULL"
    yield f"CREATE INDEX dep_expression ON {name} ((coalesce({quoted}, NULL)))"
    yield f"ALTER TABLE {name} ADD CONSTRAINT dep_check CHECK ({quoted} IS NOT NULL OR {quoted} IS NULL)"
    yield f"CREATE STATISTICS dep_statistics ON {quoted}, ({quoted} IS NULL) FROM {name}"
    yield f"ALTER TABLE {name} ALTER COLUMN {quoted} SET STATISTICS 500"
    yield f"ALTER TABLE {name} ALTER COLUMN {quoted} SET (n_distinct = 100, n_distinct_inherited = -0.5)"
    yield f"COMMENT ON COLUMN {name}.{quoted} IS 'it''s a comment'"
    yield f"GRANT SELECT ({quoted}) ON {name} TO {READER}"
    if kind in ("integer", "bigint", "smallint", "numeric", "text") or kind.startswith("character varying"):
        yield f"ALTER TABLE {name} ALTER COLUMN {quoted} SET DEFAULT {quote_literal('7')}"


# --- examples of our own ----------------------------------------------------------------------------

# slug: (shape, setup, example). For what no transformation makes of the plain example.
EXAMPLES = {
    "add-primary-key": [
        ("USING INDEX, nullable",
         "CREATE TABLE events (id bigint, part int);INSERT INTO events SELECT g, g FROM generate_series(1, 1000) g;"
         "CREATE UNIQUE INDEX events_pkey ON events (part, id);",
         "ALTER TABLE events ADD CONSTRAINT events_pkey PRIMARY KEY USING INDEX events_pkey;"),
        ("two nullable columns",
         "CREATE TABLE events (id bigint, kind text, n int);"
         "INSERT INTO events SELECT g, 'k', g FROM generate_series(1, 1000) g;",
         "ALTER TABLE events ADD PRIMARY KEY (id, kind);"),
        ("named, INCLUDE, deferrable",
         "CREATE TABLE events (id bigint NOT NULL, kind text, n int);"
         "INSERT INTO events SELECT g, 'k', g FROM generate_series(1, 1000) g;",
         "ALTER TABLE events ADD CONSTRAINT the_key PRIMARY KEY (id) INCLUDE (kind) WITH (fillfactor = 80) "
         "DEFERRABLE INITIALLY DEFERRED;"),
        ("new column", "CREATE TABLE events (kind text); INSERT INTO events SELECT generate_series(1, 1000)::text;",
         "ALTER TABLE events ADD COLUMN id uuid DEFAULT gen_random_uuid() PRIMARY KEY;"),
    ],
    "add-unique-constraint": [
        ("two columns, unnamed",
         "CREATE TABLE users (id bigint PRIMARY KEY, email text, tenant int);"
         "INSERT INTO users SELECT g, g::text, 1 FROM generate_series(1, 1000) g;",
         "ALTER TABLE users ADD UNIQUE (tenant, email);"),
        ("NULLS NOT DISTINCT, INCLUDE",
         "CREATE TABLE users (id bigint PRIMARY KEY, email text, tenant int);"
         "INSERT INTO users SELECT g, g::text, 1 FROM generate_series(1, 1000) g;",
         "ALTER TABLE users ADD UNIQUE NULLS NOT DISTINCT (email) INCLUDE (tenant);"),
        ("new column", "CREATE TABLE users (id bigint PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 1000);",
         "ALTER TABLE users ADD COLUMN email text UNIQUE;"),
        ("partitioned by the key",
         "CREATE TABLE users (id bigint, email text, PRIMARY KEY (id, email)) PARTITION BY LIST (email);"
         "CREATE TABLE users_a PARTITION OF users FOR VALUES IN ('a') PARTITION BY RANGE (id);"
         "CREATE TABLE users_a_1 PARTITION OF users_a FOR VALUES FROM (0) TO (500);"
         "CREATE TABLE users_a_2 PARTITION OF users_a DEFAULT; CREATE TABLE users_b PARTITION OF users DEFAULT;"
         "INSERT INTO users SELECT g, CASE WHEN g % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 1000) g;",
         "ALTER TABLE users ADD CONSTRAINT users_both UNIQUE (email, id);"),
    ],
    "create-index-blocking": [
        ("expression, partial, options",
         "CREATE TABLE orders (id bigint PRIMARY KEY, note text);"
         "INSERT INTO orders SELECT g, g::text FROM generate_series(1, 1000) g;",
         "CREATE UNIQUE INDEX ON orders (lower(note) text_pattern_ops DESC NULLS LAST) INCLUDE (id) "
         "WITH (fillfactor = 70) WHERE note <> '' -- the end"),
        ("partitioned, expression, no name",
         "CREATE TABLE orders (id bigint PRIMARY KEY, note text) PARTITION BY RANGE (id);"
         "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (500) PARTITION BY HASH (id);"
         "CREATE TABLE orders_1_0 PARTITION OF orders_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
         "CREATE TABLE orders_2 PARTITION OF orders DEFAULT;"
         "INSERT INTO orders SELECT g, g::text FROM generate_series(1, 1000) g;",
         "CREATE INDEX ON orders (lower(note));"),
    ],
    "set-not-null": [
        ("inherited",
         "CREATE TABLE orders (id bigint PRIMARY KEY, note text); CREATE TABLE special_orders () INHERITS (orders);"
         "INSERT INTO orders SELECT g, 'n' FROM generate_series(1, 1000) g;"
         "INSERT INTO special_orders SELECT g, 'n' FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;"),
    ],
    "add-column-auto-increment": [
        ("identity always",
         "CREATE TABLE orders (id bigint PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 1000);",
         "ALTER TABLE orders ADD COLUMN position int GENERATED ALWAYS AS IDENTITY;"),
        ("identity by default",
         "CREATE TABLE orders (id bigint PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 1000);",
         "ALTER TABLE orders ADD COLUMN position bigint GENERATED BY DEFAULT AS IDENTITY;"),
    ],
    "add-column-volatile-default": [
        ("NOT NULL", "CREATE TABLE orders (id bigint PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 1000);",
         "ALTER TABLE orders ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();"),
    ],
    "alter-column-type-rewrite": [
        ("NOT NULL, USING",
         "CREATE TABLE orders (id bigint PRIMARY KEY, quantity text NOT NULL);"
         "INSERT INTO orders SELECT g, g::text FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ALTER COLUMN quantity TYPE numeric(12,2) USING quantity::numeric / 100;"),
        ("serial primary key",
         "CREATE TABLE orders (id serial PRIMARY KEY, note text, part int, UNIQUE (part, id) DEFERRABLE);"
         "INSERT INTO orders (note, part) SELECT 'n', g FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ALTER COLUMN id TYPE bigint;"),
        ("identity",
         "CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);"
         "INSERT INTO orders (note) SELECT 'n' FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ALTER COLUMN id TYPE bigint;"),
        ("referenced key",
         "CREATE TABLE orders (id int PRIMARY KEY, note text);"
         "CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE);"
         "INSERT INTO orders SELECT g, 'n' FROM generate_series(1, 1000) g;"
         "INSERT INTO lines SELECT id FROM orders;",
         "ALTER TABLE orders ALTER COLUMN id TYPE bigint;"),
        ("json to jsonb",
         "CREATE TABLE orders (id bigint PRIMARY KEY, data json);"
         "INSERT INTO orders SELECT g, '{\"a\": 1}' FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ALTER COLUMN data TYPE jsonb;"),
    ],
    "rename-column": [
        ("key that is referred to",
         "CREATE TABLE orders (id serial PRIMARY KEY, note text);"
         "CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE);"
         "INSERT INTO orders SELECT g, 'n' FROM generate_series(1, 1000) g;"
         "INSERT INTO lines SELECT id FROM orders;",
         "ALTER TABLE orders RENAME COLUMN id TO order_id;"),
        ("json, NOT NULL",
         "CREATE TABLE orders (id bigint PRIMARY KEY, data json NOT NULL);"
         "INSERT INTO orders SELECT g, '{\"a\": 1}' FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders RENAME COLUMN data TO document;"),
    ],
    "attach-partition": [
        ("keys, other columns' order",
         "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);"
         "CREATE TABLE orders (id bigint, day date, user_id int REFERENCES users, note text, PRIMARY KEY (id, day),"
         " UNIQUE (day, id) DEFERRABLE INITIALLY DEFERRED) PARTITION BY RANGE (day);"
         "CREATE INDEX ON orders (user_id, note) INCLUDE (id); CREATE INDEX ON orders (lower(note));"
         "CREATE TABLE orders_2026 (note text, gone int, user_id int, day date NOT NULL, id bigint NOT NULL);"
         "ALTER TABLE orders_2026 DROP COLUMN gone;"
         "INSERT INTO orders_2026 SELECT 'n', 1, '2026-06-01', g FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"),
        ("list with NULL, two levels above",
         "CREATE TABLE orders (kind text, day date) PARTITION BY RANGE (day);"
         "CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"
         " PARTITION BY LIST (kind);"
         "CREATE TABLE few (day date, kind text);"
         "INSERT INTO few SELECT '2026-06-01', CASE WHEN g % 2 = 0 THEN 'a''b' END FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders_2026 ATTACH PARTITION few FOR VALUES IN ('a''b', NULL);"),
        ("hash, two columns",
         "CREATE TABLE orders (a int, b text) PARTITION BY HASH (a, b);"
         "CREATE TABLE whole (a int, b text); INSERT INTO whole SELECT g, 'b' FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ATTACH PARTITION whole FOR VALUES WITH (MODULUS 1, REMAINDER 0);"),
        ("partitioned itself, expression, MINVALUE",
         "CREATE TABLE orders (a int, b text) PARTITION BY RANGE (lower(b), a);"
         "CREATE TABLE early (a int, b text) PARTITION BY LIST (a);"
         "CREATE TABLE early_1 PARTITION OF early FOR VALUES IN (1); CREATE TABLE early_x PARTITION OF early DEFAULT;"
         "INSERT INTO early SELECT g % 5, 'b' FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ATTACH PARTITION early FOR VALUES FROM (MINVALUE, MINVALUE) TO ('c', 100);"),
    ],
    "default-partition-scan": [
        ("created, list",
         "CREATE TABLE orders (id bigint NOT NULL, kind text, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);"
         "CREATE TABLE orders_other (kind text, id bigint NOT NULL);"
         "ALTER TABLE orders ATTACH PARTITION orders_other DEFAULT;"
         "INSERT INTO orders SELECT g, 'x' FROM generate_series(1, 1000) g;",
         "CREATE TABLE orders_a PARTITION OF orders FOR VALUES IN ('a');"),
        ("partitioned default partition",
         "CREATE TABLE orders (id bigint, kind text) PARTITION BY RANGE (id);"
         "CREATE TABLE orders_other PARTITION OF orders DEFAULT PARTITION BY LIST (kind);"
         "CREATE TABLE orders_other_x PARTITION OF orders_other FOR VALUES IN ('x');"
         "INSERT INTO orders SELECT g, 'x' FROM generate_series(1, 1000) g;",
         "CREATE TABLE orders_a PARTITION OF orders FOR VALUES FROM (5000) TO (6000);"),
    ],
    "create-partition": [
        ("constraints, options, partitioned itself",
         "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);"
         "CREATE TABLE orders (id bigint DEFAULT 7, day date NOT NULL, n int GENERATED ALWAYS AS (id * 2) STORED,"
         " user_id int REFERENCES users, note text COLLATE \"C\" DEFAULT 'x', PRIMARY KEY (id, day),"
         " CHECK (id > 0)) PARTITION BY RANGE (day);"
         "CREATE INDEX ON orders (note DESC) WHERE id > 5;"
         "CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
         "INSERT INTO orders SELECT g, '2025-06-01' FROM generate_series(1, 1000) g;",
         "CREATE TABLE orders_2026 PARTITION OF orders (CONSTRAINT small CHECK (id < 100000))"
         " FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (id);"),
        ("unlogged, fillfactor",
         "CREATE TABLE orders (id bigint, kind text) PARTITION BY LIST (kind);"
         "CREATE TABLE orders_a PARTITION OF orders FOR VALUES IN ('a');"
         "INSERT INTO orders SELECT g, 'a' FROM generate_series(1, 1000) g;",
         "CREATE UNLOGGED TABLE orders_b PARTITION OF orders FOR VALUES IN ('b', NULL) WITH (fillfactor = 70);"),
    ],
    "detach-partition": [
        ("default partition",
         "CREATE TABLE orders (id bigint, kind text) PARTITION BY LIST (kind);"
         "CREATE TABLE orders_a PARTITION OF orders FOR VALUES IN ('a');"
         "CREATE TABLE orders_other PARTITION OF orders DEFAULT;"
         "INSERT INTO orders SELECT g, 'a' FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders DETACH PARTITION orders_a;"),
    ],
    "drop-partition": [
        ("with rows",
         "CREATE TABLE orders (id bigint, kind text) PARTITION BY LIST (kind);"
         "CREATE TABLE orders_a PARTITION OF orders FOR VALUES IN ('a');"
         "INSERT INTO orders SELECT g, 'a' FROM generate_series(1, 1000) g;",
         "DROP TABLE orders_a;"),
        ("default partition",
         "CREATE TABLE orders (id bigint, kind text) PARTITION BY LIST (kind);"
         "CREATE TABLE orders_a PARTITION OF orders FOR VALUES IN ('a');"
         "CREATE TABLE orders_b PARTITION OF orders FOR VALUES IN ('b');"
         "CREATE TABLE orders_other PARTITION OF orders DEFAULT;"
         "INSERT INTO orders SELECT g, 'a' FROM generate_series(1, 1000) g;",
         "DROP TABLE orders_b;"),
    ],
    "drop-cascade": [
        ("column", "CREATE TABLE orders (id bigint PRIMARY KEY, note text);"
         "INSERT INTO orders SELECT g, 'n' FROM generate_series(1, 1000) g;"
         "CREATE VIEW v AS SELECT note FROM orders; CREATE VIEW w AS SELECT * FROM v;",
         "ALTER TABLE orders DROP COLUMN note CASCADE;"),
        ("type", "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE orders (id bigint PRIMARY KEY, mood mood);"
         "INSERT INTO orders SELECT g, 'good' FROM generate_series(1, 1000) g;"
         "CREATE FUNCTION is_good(mood) RETURNS boolean LANGUAGE sql AS 'SELECT true';",
         "DROP TYPE mood CASCADE;"),
        ("referenced table", "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);"
         "CREATE TABLE orders (user_id int REFERENCES users); INSERT INTO orders SELECT 1 FROM generate_series(1, 1000);",
         "DROP TABLE users CASCADE;"),
    ],
    "rename-enum-value": [
        ("array, partitioned, no key",
         "CREATE TYPE mood AS ENUM ('good', 'it''s bad');"
         "CREATE TABLE orders (id bigint, moods mood[], mood mood) PARTITION BY RANGE (id);"
         "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (500);"
         "CREATE TABLE orders_2 PARTITION OF orders DEFAULT;"
         "INSERT INTO orders SELECT g, ARRAY['good', 'it''s bad']::mood[], 'it''s bad' FROM generate_series(1, 1000) g;",
         "ALTER TYPE mood RENAME VALUE 'it''s bad' TO 'fine';"),
    ],
    "identity-behind-values": [
        ("always, options",
         "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 1000);",
         "ALTER TABLE orders ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5);"),
    ],
    "change-many-rows": [
        ("delete",
         "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);"
         "INSERT INTO orders SELECT g, g FROM generate_series(1, 20000) g; ANALYZE orders;",
         "DELETE FROM orders AS o WHERE o.total > 100 -- all but a few"),
        ("delete all, partitioned",
         "CREATE TABLE orders (id bigint, total numeric) PARTITION BY RANGE (id);"
         "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (500);"
         "CREATE TABLE orders_2 PARTITION OF orders DEFAULT;"
         "INSERT INTO orders SELECT g, g FROM generate_series(1, 20000) g; ANALYZE orders;",
         "DELETE FROM orders;"),
        ("update, text key, condition",
         "CREATE TABLE orders (code text PRIMARY KEY, total numeric);"
         "INSERT INTO orders SELECT g::text, g FROM generate_series(1, 20000) g; ANALYZE orders;",
         "UPDATE orders SET total = total + 1 WHERE total > 10 OR code = '5';"),
    ],
    "add-check-constraint": [
        ("no name, of one column",
         "CREATE TABLE orders (id bigint, total numeric);INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ADD CHECK (total > 0 AND total < 1000000);"),
        ("no name, of the row",
         "CREATE TABLE orders (id bigint, total numeric);INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ADD CHECK (total > 0 AND id > 0);"),
        ("the name is taken",
         "CREATE TABLE orders (id bigint, total numeric, CHECK (total > 0));"
         "INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ADD CHECK (total < 1000000);"),
        ("inheritance",
         "CREATE TABLE orders (id bigint, total numeric);CREATE TABLE old () INHERITS (orders);"
         "INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;INSERT INTO old SELECT * FROM orders;",
         "ALTER TABLE orders ADD CHECK (total > 0);"),
        ("NO INHERIT, ONLY",
         "CREATE TABLE orders (id bigint, total numeric);CREATE TABLE old () INHERITS (orders);"
         "INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
         "ALTER TABLE ONLY orders ADD CHECK (total > 0) NO INHERIT;"),
    ],
    "add-foreign-key": [
        ("several columns, no name, actions",
         "CREATE TABLE users (id bigint, land text, UNIQUE (land, id));"
         "INSERT INTO users SELECT g, 'x' FROM generate_series(1, 1000) g;"
         "CREATE TABLE orders (id bigint, user_id bigint, user_land text);"
         "CREATE INDEX ON orders (user_id, user_land);INSERT INTO orders SELECT id, id, land FROM users;",
         "ALTER TABLE orders ADD FOREIGN KEY (user_id, user_land) REFERENCES users (id, land) MATCH FULL "
         "ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;"),
        ("to itself",
         "CREATE TABLE orders (id bigint PRIMARY KEY, earlier bigint);CREATE INDEX ON orders (earlier);"
         "INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ADD FOREIGN KEY (earlier) REFERENCES orders;"),
        ("partitions on both sides",
         "CREATE TABLE users (id bigint PRIMARY KEY) PARTITION BY RANGE (id);"
         "CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (0) TO (500);"
         "CREATE TABLE users_2 PARTITION OF users DEFAULT;"
         "INSERT INTO users SELECT generate_series(1, 1000);"
         "CREATE TABLE orders (id bigint, user_id bigint) PARTITION BY HASH (id);"
         "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
         "CREATE TABLE orders_2 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
         "CREATE INDEX ON orders (user_id);INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;"),
    ],
    "validate-constraint-blocking": [
        ("foreign key",
         "CREATE TABLE users (id bigint PRIMARY KEY);INSERT INTO users SELECT generate_series(1, 1000);"
         "CREATE TABLE orders (id bigint, user_id bigint);CREATE INDEX ON orders (user_id);"
         "INSERT INTO orders SELECT id, id FROM users;",
         "ALTER TABLE orders ADD CONSTRAINT key FOREIGN KEY (user_id) REFERENCES users NOT VALID, "
         "VALIDATE CONSTRAINT key;"),
    ],
    "key-using-unfit-index": [
        ("descending",
         "CREATE TABLE users (id bigint, email text);INSERT INTO users SELECT g, g FROM generate_series(1, 1000) g;"
         "CREATE UNIQUE INDEX users_email_idx ON users (email DESC);",
         "ALTER TABLE users ADD UNIQUE USING INDEX users_email_idx;"),
    ],
    "drop-key-constraint": [
        ("primary key",
         "CREATE TABLE users (id bigint CONSTRAINT users_pkey PRIMARY KEY, email text);"
         "INSERT INTO users SELECT g, g FROM generate_series(1, 1000) g;",
         "ALTER TABLE users DROP CONSTRAINT users_pkey;"),
    ],
    "alter-domain-scan": [
        ("no name, domain over it",
         "CREATE DOMAIN email AS text;CREATE DOMAIN work_email AS email;CREATE TABLE users (id bigint, e work_email);"
         "INSERT INTO users SELECT g, g FROM generate_series(1, 1000) g;",
         "ALTER DOMAIN email ADD CHECK (VALUE <> '');"),
    ],
    "drop-column": [
        ("NOT NULL, CASCADE",
         "CREATE TABLE orders (id bigint PRIMARY KEY, note text NOT NULL);"
         "CREATE VIEW v AS SELECT note FROM orders;"
         "INSERT INTO orders SELECT g, g::text FROM generate_series(1, 1000) g;",
         "ALTER TABLE orders DROP COLUMN note CASCADE;"),
    ],
}


def own_cases(rule):
    for shape, setup, example in EXAMPLES.get(rule.slug, ()):
        case = Case(rule, shape, statements_of(setup), example)
        case.own = True
        yield case
