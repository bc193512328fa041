"""Random DDL on random schemas. The same seed gives the same statements."""
import os
import random
import time

from compare import compare
from model import Model
from random_ddl import StatementMaker
from random_schema import SchemaMaker
from report import Source
from wire import ConnectionLost

DATABASE = "db_guard_verify_random"
TEMPLATE = "db_guard_verify_template"
PER_SCHEMA = 100
SETTINGS = ["search_path TO s1, public", 'search_path TO "S 2", s1', "search_path TO public"]
ZONES = ["UTC", "Europe/Paris"]
# So that a schema is not gone after a few statements.
KEEP_DROP, KEEP_OTHER = 0.25, 0.6


def run(server, options):
    source = Source("generated", f"random DDL, prediction against trace (SEED={options.seed} COUNT={options.count})", 99)
    started = time.monotonic()
    make_template(server)
    number = 0
    while source.total.statements < options.count:
        number += 1
        wanted = min(PER_SCHEMA, options.count - source.total.statements)
        Schema(server, number, source, options).run(wanted)
        if number % 10 == 0:
            options.progress(f"generated: {number} schemas, {source.total.statements} statements")
    for name in (DATABASE, TEMPLATE):
        server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    source.seconds = time.monotonic() - started
    return [source]


def make_template(server):
    server.create_database(TEMPLATE, "template0")
    server.run("CREATE EXTENSION db_guard", TEMPLATE)


class Schema:
    """One random schema, and the statements that are tried on it."""

    def __init__(self, server, number, source, options):
        self.server = server
        self.number = number
        self.source = source
        self.rng = random.Random(f"{options.seed} {number}")
        self.script = []
        self.out = options.out
        server.create_database(DATABASE, TEMPLATE)
        server.run(f"ALTER DATABASE {DATABASE} SET db_guard.mode TO 'off'")
        server.run(f"ALTER DATABASE {DATABASE} SET statement_timeout TO '60s'")
        self.observer = server.session(DATABASE)
        self.observer.rows("SET search_path TO ''")
        self.settings = ["SET client_min_messages TO error", f"SET {self.rng.choice(SETTINGS)}",
                         f"SET timezone TO '{self.rng.choice(ZONES)}'"]
        self.connect()
        major = int(self.observer.rows("SHOW server_version_num")[0][0]) // 10000
        self.maker = StatementMaker(self.rng, major)

    def connect(self):
        self.session = self.server.session(DATABASE)
        for setting in self.settings:
            self.execute(setting)

    def execute(self, statement):
        _, error = self.session.query(statement)
        self.script.append(f"{statement};" if error is None else f"-- {error.sqlstate}: {statement};")
        return error

    def run(self, wanted):
        for statement in SchemaMaker(self.rng).make():
            self.execute(statement)
        goal = self.source.total.statements + wanted
        model, tries = Model(self.observer), 0
        # Another schema, where hardly a statement succeeds any more.
        while self.source.total.statements < goal and tries < 3 * PER_SCHEMA and model.of_kind("rp"):
            tries += 1
            if self.rng.random() < 0.05:
                self.block(model)
                changed = True
            else:
                changed = self.try_statement(self.maker.make(model))
            if changed:
                model = Model(self.observer)
        self.observer.close()
        self.session.close()
        self.keep_script()

    def block(self, model):
        """A few statements in one transaction, which then hold locks when the next one is judged."""
        self.execute("BEGIN")
        for _ in range(self.rng.randint(2, 4)):
            self.try_statement(self.maker.make(model), always=True)
            if self.session.status != "T":
                break
        self.execute(self.rng.choice(["COMMIT", "ROLLBACK"]))

    def try_statement(self, statement, always=False):
        """True where it was run and may have changed something."""
        outcome = compare(self.session, statement, f"schema {self.number}, line {len(self.script) + 1}")
        if outcome is None:
            return False
        keep = always or self.rng.random() < (KEEP_DROP if statement.startswith("DROP") else KEEP_OTHER)
        if hasattr(outcome, "crashed"):
            self.source.add(outcome)
            self.recover()
            return True
        error, done = None, False
        if keep or outcome.kind in ("refused", "untraced"):
            error = self.run_it(statement)
            done = error is None
        self.source.add(outcome, error)
        return done

    def run_it(self, statement):
        try:
            return self.execute(statement)
        except ConnectionLost:
            self.recover()
            return None

    def recover(self):
        self.script.append("-- the connection was lost")
        self.server.wait()
        self.observer = self.server.session(DATABASE)
        self.observer.rows("SET search_path TO ''")
        self.connect()

    def keep_script(self):
        if not self.out:
            return
        path = os.path.join(self.out, f"schema_{self.number}.sql")
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(self.script) + "\n")
