"""The statements of PostgreSQL's regression tests, each judged in its own session and context."""
import os
import re
import time

from compare import compare
from psql_script import Script, first_word
from report import Source
from wire import ConnectionLost, ServerError

# What the other files build upon.
FIRST = ["test_setup"]
FILES = """create_type create_misc create_index create_table create_table_like create_view updatable_views
    constraints triggers inherit typed_table domain enum alter_table foreign_key indexing fast_default
    partition_aggregate partition_info partition_join partition_prune truncate cluster generated
    generated_stored generated_virtual identity collate rules matview rowsecurity privileges dependency
    replica_identity sequence publication stats_ext namespace""".split()

DDL = {"ALTER", "CREATE", "DROP", "COMMENT", "GRANT", "REVOKE", "TRUNCATE", "REINDEX", "CLUSTER", "REFRESH",
       "LOCK", "SECURITY", "REASSIGN", "IMPORT", "ANALYZE", "VACUUM"}

# What a server knows once: dropping and creating it belongs to no database.
WHOLE_SERVER = re.compile(r"\s*(?:CREATE|ALTER|DROP)\s+(?:DATABASE|ROLE|USER(?!\s+MAPPING)|GROUP|TABLESPACE|SUBSCRIPTION)\b",
                          re.I)

# Some statements name it.
DATABASE = "regression"
SETTINGS = {"timezone": "PST8PDT", "datestyle": "Postgres, MDY", "intervalstyle": "postgres_verbose",
            "lc_messages": "C", "statement_timeout": "60s", "db_guard.mode": "off",
            "db_guard.log_ddl": "off"}


def run(server, options):
    source = Source("suite", "regression tests of PostgreSQL, prediction against trace", 99)
    folder = options.regress_folder
    started = time.monotonic()
    prepare(server)
    for name in files_to_run(folder, options.files):
        begun = time.monotonic()
        before = source.total.statements
        File(server, folder, name, source, options).run()
        options.progress(f"{name}: {source.total.statements - before} compared, "
                         f"{time.monotonic() - begun:.0f} s")
    source.seconds = time.monotonic() - started
    server.run(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    drop_leftovers(server)
    return [source]


def files_to_run(folder, wanted):
    def exists(name):
        return os.path.exists(os.path.join(folder, "sql", name + ".sql"))

    missing = [name for name in FIRST + wanted if not exists(name)]
    if missing:
        raise SystemExit("there is no regression test " + " ".join(missing))
    # Not every version has all of them.
    wanted = FIRST + (wanted or [name for name in FILES if exists(name)])
    with open(os.path.join(folder, "parallel_schedule"), encoding="utf-8") as schedule:
        order = [name for line in schedule if line.startswith("test:") for name in line.split()[1:]]
    place = {name: i for i, name in enumerate(order)}
    return sorted(set(wanted), key=lambda name: (name not in FIRST, place.get(name, len(order)), name))


def prepare(server):
    server.run(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    drop_leftovers(server)
    server.create_database(DATABASE, "template0")
    server.run("CREATE EXTENSION db_guard; GRANT ALL ON SCHEMA public TO public; "
               "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA db_guard TO PUBLIC", DATABASE)
    for name, value in SETTINGS.items():
        server.run(f"ALTER DATABASE {DATABASE} SET {name} TO '{value}'")


def drop_leftovers(server):
    names = server.run("SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname LIKE 'regress%' "
                       "UNION ALL SELECT format('DROP TABLESPACE %I', spcname) FROM pg_tablespace "
                       "WHERE spcname LIKE 'regress%'")
    for (command,) in names:
        try:
            server.run(command)
        except ServerError:
            pass


class Quit(Exception):
    pass


class File:
    """One file of the suite, in one session."""

    def __init__(self, server, folder, name, source, options):
        self.server = server
        self.name = name
        self.source = source
        self.variables = {"DBNAME": DATABASE, "USER": server.user, "ON_ERROR_STOP": "0"}
        self.environment = {"PG_ABS_SRCDIR": folder, "PG_ABS_BUILDDIR": folder,
                            "PG_LIBDIR": options.regress_library, "PG_DLSUFFIX": ".so"}
        with open(os.path.join(folder, "sql", name + ".sql"), encoding="utf-8",
                  errors="surrogateescape") as file:
            self.script = Script(file.read(), self.variables)
        self.conditions = []
        self.user = None
        self.last_query = ""
        self.session = server.session(DATABASE)

    def run(self):
        try:
            for item in self.script:
                if item[0] == "meta":
                    self.command(*item[1:])
                elif self.active():
                    self.statement(item[1], item[2])
        except Quit:
            pass
        self.session.close()

    def active(self):
        return all(self.conditions)

    def statement(self, sql, line):
        outcome = self.judge(sql, line)
        results, error = self.execute(sql)
        if outcome is not None:
            self.source.add(outcome, error)
        if first_word(sql) in ("SET", "RESET"):
            self.script.standard_strings = self.strings_are_standard()
        return results

    def judge(self, sql, line):
        if first_word(sql) not in DDL or self.session.status == "E" or WHOLE_SERVER.match(sql):
            return None
        outcome = compare(self.session, sql, f"{self.name}.sql:{line}")
        if outcome is not None and hasattr(outcome, "crashed"):
            self.reconnect()
        return outcome

    def execute(self, sql):
        self.last_query = sql
        try:
            return self.session.query(sql, self.script.copy_data)
        except ConnectionLost:
            self.reconnect()
            return [], None

    def reconnect(self):
        self.server.wait()
        self.session = self.server.session(DATABASE, self.user)

    def strings_are_standard(self):
        if self.session.status == "E":
            return self.script.standard_strings
        results, _ = self.session.query("SHOW standard_conforming_strings")
        return not results or results[-1][1] == [["on"]]

    # --- psql's own commands ------------------------------------------------------------------------

    def command(self, name, arguments, buffer, line):
        if name in ("if", "elif", "else", "endif"):
            self.condition(name, arguments)
            return
        if not self.active():
            return
        if name in ("q", "quit"):
            raise Quit
        if name in ("g", "gx", "crosstabview", "gset", "gexec"):
            self.send(name, arguments, buffer, line)
        elif name == "set" and arguments:
            self.variables[arguments[0]] = "".join(arguments[1:])
        elif name == "unset" and arguments:
            self.variables.pop(arguments[0], None)
        elif name == "getenv" and len(arguments) == 2 and arguments[1] in self.environment:
            self.variables[arguments[0]] = self.environment[arguments[1]]
        elif name in ("c", "connect"):
            self.connect(arguments)
        elif name == "copy" and re.search(r"\bstdin\b", " ".join(arguments), re.I):
            self.execute("COPY " + " ".join(arguments))

    def condition(self, name, arguments):
        if name == "endif":
            self.conditions.pop()
        elif name == "else":
            self.conditions[-1] = not self.conditions[-1]
        else:
            value = bool(arguments) and arguments[0].lower() in ("1", "t", "true", "on", "y", "yes")
            if name == "if":
                self.conditions.append(value)
            else:
                self.conditions[-1] = value and not self.conditions[-1]

    def send(self, name, arguments, buffer, line):
        # Without a query of its own, the one before is run again.
        results = self.statement(buffer, line) if buffer.strip() else self.execute(self.last_query)[0]
        if name == "gset" and results and len(results[-1][1]) == 1:
            columns, rows = results[-1]
            prefix = arguments[0] if arguments else ""
            for column, value in zip(columns, rows[0]):
                if value is not None:
                    self.variables[prefix + column] = value
        elif name == "gexec" and results:
            for row in results[-1][1]:
                for sql in row:
                    if sql:
                        self.statement(sql, line)

    def connect(self, arguments):
        user = arguments[1] if len(arguments) > 1 and arguments[1] != "-" else None
        try:
            session = self.server.session(DATABASE, user or self.user)
        except (ServerError, ConnectionLost):
            return
        self.session.close()
        self.session = session
        self.user = user or self.user
