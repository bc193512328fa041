"""A random schema: types, tables, partitions, keys, indexes, views and what hangs on them."""

# In the spelling of format_type: a value for row g, and what a column of the type may well become.
TYPES = {
    "integer": ("g", ["bigint", "smallint", "numeric", "text", "integer", "oid", "s1.d_plain", "s1.d_check",
                      "character varying(20)", "numeric(10,2)"]),
    "bigint": ("g", ["integer", "numeric(12,2)", "text", "bigint"]),
    "smallint": ("g % 30000", ["integer", "bigint", "text"]),
    "numeric": ("g", ["numeric(10,2)", "numeric(12,4)", "text", "double precision"]),
    "numeric(10,2)": ("g", ["numeric(12,2)", "numeric(12,4)", "numeric", "numeric(10,2)", "numeric(8,2)"]),
    "numeric(12,2)": ("g", ["numeric(10,2)", "numeric(14,2)", "numeric"]),
    "text": ("'v' || g", ["character varying", "character varying(50)", "text", "name", "s1.d_text",
                          'text COLLATE "C"', 'text COLLATE "POSIX"']),
    "character varying": ("'v' || g", ["text", "character varying(20)", "s1.d_text"]),
    "character varying(20)": ("'v' || g", ["character varying(50)", "character varying(10)", "text",
                                           "character varying", "character(8)", "character varying(20)"]),
    "character varying(50)": ("'v' || g", ["character varying(20)", "character varying(100)", "text", "s1.d_text",
                                           'character varying(50) COLLATE "C"']),
    "character(8)": ("'v' || g", ["text", "character(12)", "character varying(20)"]),
    "boolean": ("g % 2 = 0", ["text", "integer"]),
    "date": ("date '2020-01-01' + g::int", ["timestamp without time zone", "timestamp with time zone", "text"]),
    "timestamp without time zone": ("timestamp '2020-01-01' + g * interval '1 day'",
                                    ["timestamp with time zone", "timestamp(3) without time zone", "date"]),
    "timestamp(3) without time zone": ("timestamp '2020-01-01' + g * interval '1 day'",
                                       ["timestamp(6) without time zone", "timestamp without time zone",
                                        "timestamp(0) without time zone", "timestamp with time zone"]),
    "timestamp with time zone": ("timestamptz '2020-01-01' + g * interval '1 day'",
                                 ["timestamp without time zone", "timestamp(3) with time zone", "date"]),
    "interval": ("g * interval '1 min'", ["interval(3)", "text", "time without time zone"]),
    "interval(3)": ("g * interval '1 min'", ["interval", "interval(6)", "interval(0)"]),
    "uuid": ("md5(g::text)::uuid", ["text"]),
    "jsonb": ("to_jsonb(g)", ["json", "text"]),
    "json": ("to_json(g)", ["jsonb", "text"]),
    "bytea": ("decode('00', 'hex')", ["text"]),
    "bit(8)": ("g::int::bit(8)", ["bit varying(8)", "bit(16)"]),
    "bit varying(8)": ("g::int::bit(8)::varbit", ["bit varying(16)", "bit varying", "bit varying(4)"]),
    "inet": ("'10.0.0.0'::inet + g", ["cidr", "text"]),
    "cidr": ("'10.0.0.0/8'::cidr", ["inet", "text"]),
    "integer[]": ("array[g]::integer[]", ["bigint[]", "text[]", "integer[]", "s1.d_plain[]"]),
    "text[]": ("array['v' || g]", ["character varying[]", "character varying(20)[]", "text[]"]),
    "int4range": ("int4range(g::int, g::int + 1)", ["text"]),
    "point": ("point(g, g)", ["text"]),
    "oid": ("g::oid", ["integer", "bigint", "regclass"]),
    "name": ("('v' || g)::name", ["text", "character varying"]),
    "real": ("g", ["double precision", "numeric"]),
    "double precision": ("g", ["real", "numeric(12,2)"]),
    "s1.d_plain": ("g", ["integer", "bigint", "s1.d_check", "s1.d_over"]),
    "s1.d_check": ("g", ["integer", "s1.d_plain", "bigint"]),
    "s1.d_over": ("g", ["integer", "s1.d_check"]),
    "s1.d_text": ("'v' || g", ["text", "character varying", "character varying(50)"]),
    "s1.d_vc": ("'v' || g", ["text", "character varying(50)", "s1.d_text"]),
    "s1.d_array": ("array[g]::integer[]", ["integer[]", "bigint[]"]),
    's1."Mood"': ("'ok'", ["text", 's1."Mood"']),
    "s1.comp": ("NULL", ["text"]),
    "s1.comp_d": ("NULL", ["text"]),
    "s1.d_comp": ("NULL", ["s1.comp"]),
    "s1.d_plain[]": ("array[g]::integer[]", ["integer[]"]),
    "s1.d_check[]": ("array[g]::integer[]", ["integer[]", "s1.d_plain[]"]),
    "s1.floats": ("s1.floats(g, g + 1)", ["text"]),
}
PLAIN_TYPES = [name for name in TYPES if not name.startswith("s1.")]
KEY_TYPES = ["integer", "bigint", "text", "uuid", "s1.d_plain", "character varying(50)", "numeric(10,2)",
             "timestamp without time zone", "date"]
NUMBERS = ("integer", "bigint", "smallint", "numeric", "real", "double precision", "s1.d_plain", "s1.d_check",
           "s1.d_over")
TEXTS = ("text", "character", "name", "s1.d_text", "s1.d_vc")
ORDERED = NUMBERS + TEXTS + ("date", "timestamp", "uuid", "oid")

NAMES = ["orders", "items", "Customers", "line items", "order", "Zürich", 'a"b', "t_1", "people", "log",
         "very_long_name_of_a_table_that_is_cut_by_nobody_but_is_63_long", "events", "select", "x"]
COLUMNS = ["a", "b", "c", "Total", "order by", "naïve", "d", "e", "user", "f", "g1", "h"]
SCHEMAS = ["s1", '"S 2"']

TYPE_STATEMENTS = [
    "CREATE SCHEMA s1", 'CREATE SCHEMA "S 2"',
    "CREATE DOMAIN s1.d_plain AS integer", "CREATE DOMAIN s1.d_check AS integer CHECK (VALUE >= 0)",
    "CREATE DOMAIN s1.d_over AS s1.d_check CHECK (VALUE < 1000000)",
    "CREATE DOMAIN s1.d_text AS text CHECK (length(VALUE) < 1000)",
    "CREATE DOMAIN s1.d_vc AS character varying(50)",
    "CREATE DOMAIN s1.d_array AS integer[] CHECK (cardinality(VALUE) < 100)",
    "CREATE TYPE s1.\"Mood\" AS ENUM ('sad', 'ok', 'happy')",
    "CREATE TYPE s1.comp AS (x integer, y text)",
    "CREATE TYPE s1.comp_d AS (x s1.d_check, y s1.d_plain)",
    "CREATE DOMAIN s1.d_comp AS s1.comp CHECK ((VALUE).x > 0)",
    "CREATE TYPE s1.floats AS RANGE (subtype = float8)",
    "CREATE FUNCTION s1.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE FUNCTION s1.unstable() RETURNS integer LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END'",
    "CREATE FUNCTION s1.steady() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 7'",
    "CREATE FUNCTION s1.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'",
    "CREATE SEQUENCE s1.numbers",
]


def quote(name):
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower()
    return name if plain and name not in ("order", "user", "select") else '"' + name.replace('"', '""') + '"'


def is_number(type_name):
    return type_name.split("(")[0] in NUMBERS


def is_text(type_name):
    return type_name.split("(")[0].split(" ")[0] in TEXTS


def is_ordered(type_name):
    return not type_name.endswith("[]") and type_name.split("(")[0].split(" ")[0] in ORDERED


def comparable(one, other):
    """Whether a foreign key between them will do."""
    return one == other or is_number(one) and is_number(other) or is_text(one) and is_text(other)


def value_of(type_name):
    return TYPES.get(type_name, ("NULL",))[0]


class SchemaMaker:
    def __init__(self, rng):
        self.rng = rng
        self.tables = []  # (name, {column: type}, kind of key)
        self.targets = []  # (name, type of the key)
        self.statements = []

    def chance(self, share):
        return self.rng.random() < share

    def add(self, statement):
        self.statements.append(statement)

    def make(self):
        for statement in TYPE_STATEMENTS:
            self.add(statement)
        names = self.rng.sample(NAMES, 8)
        for i, name in enumerate(names):
            full = f"{self.rng.choice(SCHEMAS)}.{quote(name)}"
            self.partitioned(full) if i % 4 == 3 else self.table(full)
        self.inheritance()
        self.fixed_shapes()
        for _ in range(6):
            self.foreign_key()
        self.views()
        self.attachments()
        return self.statements

    def columns(self, count):
        names = self.rng.sample(COLUMNS, count)
        types = [self.rng.choice(list(TYPES)) for _ in names]
        return {quote(name): kind for name, kind in zip(names, types)}

    def column_clause(self, name, kind):
        clause = f"{name} {kind}"
        if self.chance(0.15) and value_of(kind) != "NULL":
            clause += " NOT NULL"
        if self.chance(0.15) and is_number(kind):
            clause += self.rng.choice([" DEFAULT 1", " DEFAULT s1.steady()", f" CHECK ({name} > 0)"])
        return clause

    def table(self, full):
        columns = self.columns(self.rng.randint(3, 7))
        clauses = [self.column_clause(name, kind) for name, kind in columns.items()]
        key_type = self.rng.choice(KEY_TYPES)
        key = self.rng.choice(["serial", "identity", "plain", "plain", "pair", "none"])
        numbers = [name for name, kind in columns.items() if kind == "integer"]
        if key == "serial":
            clauses.insert(0, "id serial PRIMARY KEY")
            key_type = None
        elif key == "identity":
            clauses.insert(0, "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
            key_type = None
        elif key == "plain":
            clauses.insert(0, f"id {key_type} PRIMARY KEY")
        elif key == "pair":
            clauses[:0] = ["id integer", "id2 integer", "PRIMARY KEY (id, id2)"]
            key_type = "integer"
        else:
            key_type = None
        if numbers and self.chance(0.5):
            clauses.append(f"made integer GENERATED ALWAYS AS ({numbers[0]} * 2) STORED")
        if numbers and self.chance(0.5):
            clauses.append(f"CHECK ({numbers[0]} IS NOT NULL AND {numbers[0]} >= 0)")
        unlogged = "UNLOGGED " if self.chance(0.1) else ""
        self.add(f"CREATE {unlogged}TABLE {full} ({', '.join(clauses)})")
        self.tables.append((full, columns, key))
        if key in ("serial", "identity", "plain"):
            self.targets.append((full, key_type or {"serial": "integer", "identity": "bigint"}[key]))
        self.indexes(full, columns)
        if self.chance(0.6):
            filled = dict(columns)
            if key_type:
                filled["id"] = key_type
            if key == "pair":
                filled["id2"] = "integer"
            self.fill(full, filled)
        if columns and self.chance(0.4):
            name = self.rng.choice(list(columns))
            self.add(f"ALTER TABLE {full} ADD CONSTRAINT later CHECK ({name} IS NOT NULL) NOT VALID")
        if columns and self.chance(0.4):
            name = self.rng.choice(list(columns))
            self.add(f"ALTER TABLE {full} ADD CONSTRAINT proven CHECK ({name} IS NOT NULL)")

    def fill(self, full, columns, limit=40):
        names = ", ".join(columns)
        values = ", ".join(value_of(kind) for kind in columns.values())
        self.add(f"INSERT INTO {full} ({names}) SELECT {values} FROM generate_series(1, {limit}) g")

    def indexes(self, full, columns):
        for name, kind in columns.items():
            if not self.chance(0.3):
                continue
            if kind.endswith("[]") or kind == "jsonb":
                self.add(f"CREATE INDEX ON {full} USING gin ({name})")
            elif is_ordered(kind):
                self.add(self.rng.choice([
                    f"CREATE INDEX ON {full} ({name})", f"CREATE INDEX ON {full} USING hash ({name})",
                    f"CREATE INDEX ON {full} ({name} DESC NULLS LAST)",
                    f"CREATE INDEX ON {full} ({name}) WHERE {name} IS NOT NULL",
                    f"CREATE UNIQUE INDEX ON {full} ({name})",
                    f"CREATE INDEX ON {full} ({name}) INCLUDE ({self.rng.choice(list(columns))})"]))
            if is_text(kind) and self.chance(0.4):
                self.add(f"CREATE INDEX ON {full} (lower({name}::text))")
            if is_number(kind) and self.chance(0.3):
                self.add(f"CREATE INDEX ON {full} (({name} + 1)) WHERE {name} > 0")

    def partitioned(self, full):
        columns = {"id": "integer", "kind": "text", **self.columns(self.rng.randint(1, 3))}
        strategy = self.rng.choice(["range", "list", "hash", "nested"])
        key = "kind" if strategy == "list" else "id"
        clauses = [f"{name} {kind}" for name, kind in columns.items()]
        if self.chance(0.4):
            clauses.append("PRIMARY KEY (id, kind)" if strategy == "nested" else f"PRIMARY KEY ({key})")
        method = "range" if strategy == "nested" else strategy
        self.add(f"CREATE TABLE {full} ({', '.join(clauses)}) PARTITION BY {method} ({key})")
        self.tables.append((full, columns, "partitioned"))
        stem = full[:-1] if full.endswith('"') else full
        end = '"' if full.endswith('"') else ""

        def part(suffix, bound, more=""):
            self.add(f"CREATE TABLE {stem}_{suffix}{end} PARTITION OF {full} {bound}{more}")

        if strategy in ("range", "nested"):
            part("1", "FOR VALUES FROM (0) TO (1000)")
            more = " PARTITION BY LIST (kind)" if strategy == "nested" else ""
            part("2", "FOR VALUES FROM (1000) TO (2000)", more)
            if more:
                self.add(f"CREATE TABLE {stem}_2a{end} PARTITION OF {stem}_2{end} FOR VALUES IN ('v1', 'v2')")
        elif strategy == "list":
            part("1", "FOR VALUES IN ('v1', 'v2', 'v3')")
            part("2", "FOR VALUES IN ('w')")
        else:
            for i in range(3):
                part(str(i), f"FOR VALUES WITH (MODULUS 3, REMAINDER {i})")
        if strategy != "hash" and self.chance(0.6):
            part("rest", "DEFAULT")
        self.indexes(full, columns)
        if self.chance(0.6):
            self.fill(full, columns)
        # Tables that may become partitions.
        plain = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self.add(f"CREATE TABLE {stem}_new{end} ({plain})")
        self.add(f"CREATE TABLE {stem}_fit{end} ({plain}, CHECK (id IS NOT NULL AND id >= 3000 AND id < 4000), "
                 f"CHECK (kind IS NOT NULL AND kind = 'new'))")

    def inheritance(self):
        self.add('CREATE TABLE s1.base (id integer, "Note" text, CHECK (id >= 0))')
        self.add("CREATE TABLE s1.derived (extra integer) INHERITS (s1.base)")
        self.add("CREATE TABLE s1.derived2 () INHERITS (s1.derived)")
        self.add('CREATE TABLE s1.alone (id integer, "Note" text, CHECK (id >= 0))')
        if self.chance(0.5):
            self.add("INSERT INTO s1.derived SELECT g, 'v', g FROM generate_series(1, 30) g")
        self.tables.append(("s1.base", {"id": "integer", '"Note"': "text"}, "none"))

    def fixed_shapes(self):
        self.add('CREATE TABLE "S 2".parent (id integer PRIMARY KEY, code text UNIQUE, kind integer, '
                 "UNIQUE (id, kind))")
        self.add('CREATE TABLE s1.child (id serial PRIMARY KEY, parent integer REFERENCES "S 2".parent, '
                 "up integer REFERENCES s1.child, p1 integer, p2 integer, "
                 'FOREIGN KEY (p1, p2) REFERENCES "S 2".parent (id, kind) ON DELETE CASCADE)')
        self.add('ALTER TABLE s1.child ADD CONSTRAINT unproven FOREIGN KEY (p1) REFERENCES "S 2".parent NOT VALID')
        self.add("CREATE TABLE s1.of_comp OF s1.comp")
        if self.chance(0.7):
            self.add("INSERT INTO \"S 2\".parent SELECT g, 'c' || g, g FROM generate_series(1, 50) g")
            self.add("INSERT INTO s1.child (parent, up, p1, p2) SELECT g, g, g, g FROM generate_series(1, 50) g")
        self.targets += [('"S 2".parent', "integer"), ("s1.child", "integer")]
        self.tables.append(('"S 2".parent', {"code": "text", "kind": "integer"}, "serial"))
        self.tables.append(("s1.child", {"parent": "integer", "up": "integer"}, "serial"))

    def foreign_key(self):
        pairs = [(table, target, column) for table in self.tables for target in self.targets
                 for column, kind in table[1].items() if comparable(kind, target[1])]
        if not pairs:
            return
        table, target, column = self.rng.choice(pairs)
        more = self.rng.choice(["", " NOT VALID", " NOT VALID", " DEFERRABLE INITIALLY DEFERRED",
                                " ON DELETE SET NULL"])
        self.add(f"ALTER TABLE {table[0]} ADD FOREIGN KEY ({column}) REFERENCES {target[0]}{more}")

    def views(self):
        for i in range(4):
            full, columns, _ = self.rng.choice(self.tables)
            names = ", ".join(self.rng.sample(list(columns), min(2, len(columns))))
            kind = self.rng.choice(["VIEW", "VIEW", "MATERIALIZED VIEW"])
            self.add(f"CREATE {kind} s1.view_{i} AS SELECT {names} FROM {full}")
            if kind == "VIEW":
                self.add(f"CREATE VIEW \"S 2\".\"over {i}\" AS SELECT * FROM s1.view_{i}")
            else:
                first = names.split(", ")[0]
                self.add(f"CREATE INDEX ON s1.view_{i} ({first})")

    def attachments(self):
        for i in range(4):
            full, columns, _ = self.rng.choice(self.tables)
            column = self.rng.choice(list(columns))
            self.add(self.rng.choice([
                f"CREATE TRIGGER trg_{i} BEFORE INSERT ON {full} FOR EACH ROW EXECUTE FUNCTION s1.touch()",
                f"CREATE TRIGGER trg_{i} AFTER UPDATE OF {column} ON {full} FOR EACH ROW EXECUTE FUNCTION s1.touch()",
                f"CREATE RULE rule_{i} AS ON DELETE TO {full} WHERE false DO ALSO NOTHING",
                f"CREATE POLICY pol_{i} ON {full} USING ({column} IS NOT NULL)",
                f"ALTER TABLE {full} ENABLE ROW LEVEL SECURITY"]))
        full, columns, _ = self.rng.choice(self.tables)
        if len(columns) > 1:
            pair = ", ".join(list(columns)[:2])
            self.add(f"CREATE STATISTICS s1.stat_1 ON {pair} FROM {full}")
        self.add(f"CREATE PUBLICATION verify_pub FOR TABLE {self.rng.choice(self.tables)[0]}")
