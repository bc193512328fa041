"""Every rule's bad example, in several shapes: the statement itself on one database, the safe way on
another. Afterwards both must hold the same, no step may do long work under a lock that blocks writes,
and the statement must do the harm that the rule claims."""
import json
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from compare import literal
from database_state import State, differences, read_state
from proof_allowances import ALLOWANCES, DEVELOPERS_PART, DRAWN, KEEPS_NOBODY_WAITING, SILENT_HERE, table_of_allowances
from proof_shapes import (OWNER, READER, SCHEMA, Case, Catalog, derived_cases, own_cases, statements_of)
from psql_script import first_word, quote_literal, quote_name
from wire import ServerError

TEMPLATE = "db_guard_proof"
WORKERS = 2
WORK = {"rewrite": "rewrite", "scan": "scan", "index build": "index_build", "foreign key check": "fk_check"}
TRACE = ("relation, lock_mode, rewrite, scan, index_build, fk_check, bytes, blocks_writes, certainty, proof, command")
NOT_IN_A_BLOCK = "25001"
NO_WORK = {"SET", "RESET", "SHOW"}
HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "..", "docs", "proof.md")

# What the packs offer is another table on purpose: test/tap/025_packs.pl.
RULES = ("SELECT rule, severity, setup, example, good_example, lock_mode, work FROM db_guard.rules "
         "WHERE since_server <= current_setting('server_version_num')::int / 10000 "
         "AND family NOT IN ('data-types', 'names', 'security', 'structure') ORDER BY rule")


class Failure(Exception):
    """What is wrong, in one line; `lines` are the rest."""

    def __init__(self, text, lines=()):
        super().__init__(text)
        self.lines = list(lines)


class NotApplicable(Exception):
    pass


class Rule:
    def __init__(self, row):
        self.slug, self.severity, setup, self.example, self.good, self.lock, self.work = row
        self.setup = statements_of(setup)


class Way:
    """The findings of one rule about one statement of the example, and their steps."""

    def __init__(self, rule, statement):
        self.rule = rule
        self.statement = statement
        self.steps = []


class Effect:
    def __init__(self, row):
        (self.relation, self.lock, rewrite, scan, index_build, fk_check, size, blocks_writes, self.certainty,
         self.text, self.command) = row
        self.work = {name for name, done in zip(("rewrite", "scan", "index_build", "fk_check"),
                                                (rewrite, scan, index_build, fk_check)) if done == "t"}
        self.size = int(size or 0)
        self.blocks_writes = blocks_writes == "t"

    def __str__(self):
        return f"{self.relation} {self.lock} {' '.join(sorted(self.work))}".strip()


# --- databases --------------------------------------------------------------------------------------

# Making a database takes longer than everything that is done in it: they are emptied and used again.
EMPTY = """
DO $$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('DROP PUBLICATION %I', pubname) FROM pg_publication
    UNION ALL SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger WHERE evtname !~ '^db_guard'
    UNION ALL SELECT format('DROP EXTENSION %I CASCADE', extname) FROM pg_extension
     WHERE extname NOT IN ('plpgsql', 'db_guard')
    UNION ALL SELECT format('DROP FOREIGN DATA WRAPPER %I CASCADE', fdwname) FROM pg_foreign_data_wrapper
    UNION ALL SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'db_guard')
  LOOP
    EXECUTE command;
  END LOOP;
END $$;
CREATE SCHEMA public;
TRUNCATE db_guard.ddl_log, db_guard.rule_policy
"""

# What is left behind in spite of that shows in one of these.
CENSUS = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_type), (SELECT count(*) FROM pg_proc),
       (SELECT count(*) FROM pg_cast), (SELECT count(*) FROM pg_operator), (SELECT count(*) FROM pg_language),
       (SELECT count(*) FROM pg_default_acl), (SELECT count(*) FROM pg_largeobject_metadata),
       (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_event_trigger), (SELECT count(*) FROM pg_extension),
       (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase =
         (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


class Lab:
    """Databases that hold nothing but the extension."""

    def __init__(self, server, options):
        self.server = server
        self.dump = [options.pg_dump, "--schema-only", "--exclude-schema=db_guard", "--host", options.socket,
                     "--port", options.port, "--username", server.user]
        self.number = 0
        self.lock = threading.Lock()
        self.free = []
        self.names = []
        server.create_database(TEMPLATE, "template0")
        for role in (OWNER, READER):
            server.run(f"DO 'BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END'")
        server.run("CREATE EXTENSION db_guard", TEMPLATE)
        has = "SELECT to_regclass('db_guard.rule_policy') IS NOT NULL, to_regprocedure('db_guard.check_sql(text)') IS NOT NULL"
        has_policy, has_check = server.run(has, TEMPLATE)[0]
        self.has_check = has_check == "t"
        self.empty = EMPTY if has_policy == "t" else EMPTY.replace(", db_guard.rule_policy", "")
        self.census = self.emptied(TEMPLATE)

    def emptied(self, name):
        session = self.server.session(name)
        try:
            session.rows("SET db_guard.mode = off; SET client_min_messages = error")
            session.rows(self.empty)
            return session.rows(CENSUS)
        finally:
            session.close()

    def close(self):
        for name in self.names + [TEMPLATE]:
            self.server.run(f"DROP DATABASE {name} WITH (FORCE)")
        for role in (OWNER, READER):
            self.server.run(f"DROP ROLE {role}")

    def database(self):
        with self.lock:
            if self.free:
                return Database(self, self.free.pop())
            self.number += 1
            name = f"{TEMPLATE}_{self.number}"
            self.names.append(name)
        self.server.create_database(name, TEMPLATE)
        return Database(self, name)

    def give_back(self, name):
        try:
            clean = self.emptied(name) == self.census
        except ServerError:
            clean = False
        if clean:
            self.free.append(name)


class Database:
    def __init__(self, lab, name):
        self.lab = lab
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lab.give_back(self.name)

    def session(self, case, allow="", superuser=False):
        """As a developer has it, but that no table is too small to matter. Without the library, commands
        that only the utility hook sees would pass."""
        session = self.lab.server.session(self.name)
        session.rows("LOAD 'db_guard'; SET db_guard.small_table_size = 0; SET client_min_messages = error; "
                     f"SET db_guard.allow = {quote_literal(allow)}")
        if case.role and not superuser:
            session.rows(f"SET SESSION AUTHORIZATION {case.role}")
        return session

    def set_up(self, case):
        session = self.lab.server.session(self.name)
        session.rows("SET db_guard.mode = off; SET client_min_messages = error")
        if case.schema:
            session.rows(f"GRANT ALL ON DATABASE {self.name} TO {case.role or 'public'};"
                         f"CREATE SCHEMA {quote_name(case.schema)} AUTHORIZATION {case.role or 'CURRENT_USER'};"
                         f"SET search_path = {quote_name(case.schema)}")
        if case.role:
            session.rows(f"SET SESSION AUTHORIZATION {case.role}")
        for statement in case.setup + case.dependents:
            run_statement(session, statement)
        session.close()

    def state(self, drawn):
        session = self.lab.server.session(self.name)
        state = read_state(session, self.lab.dump + [self.name], drawn)
        session.close()
        return state

    def catalog(self, case):
        session = self.lab.server.session(self.name)
        catalog = Catalog(session, case.schema or "public")
        session.close()
        return catalog


def run_statement(session, statement):
    _, error = session.query(statement)
    # Roles belong to the whole server: the other database of the pair has made it.
    if error is not None and not (error.sqlstate == "42710" and first_word(statement) == "CREATE"):
        raise error


# --- what the guard says ----------------------------------------------------------------------------


def run_allowed(session, text):
    """Runs the example as somebody would whom the guard has refused. The error that ends it, or None."""
    session.query("SET db_guard.allow = 'all'; SET db_guard.allow_reason = 'proof'")
    for statement in statements_of(text):
        _, error = session.query(statement)
        if error is not None:
            return error
    return None


def refused_and_run(database, case):
    """Each statement as the guard stands, then allowed where it was refused. The findings, by the log of
    DDL, and the error that ended it."""
    session = database.session(case)
    error = None
    for statement in statements_of(case.example):
        error = try_guarded(session, statement)
        if error is not None:
            break
    if session.status != "I":
        session.query("ROLLBACK")
    session.close()
    return logged_findings(database, case), error


def try_guarded(session, statement):
    in_block = session.status == "T"
    if in_block:
        session.query("SAVEPOINT guarded")
    _, error = session.query(statement)
    if error is None or error.sqlstate != "DG001":
        return error
    if in_block:
        session.query("ROLLBACK TO guarded")
    session.query("SET db_guard.allow = 'all'")
    _, error = session.query(statement)
    session.query("SET db_guard.allow = ''")
    return error


def logged_findings(database, case):
    rows = database.lab.server.run(
        "SELECT statement, f.value FROM db_guard.ddl_log, jsonb_array_elements(findings) f "
        "WHERE outcome <> 'allowed' ORDER BY id", database.name)
    statements = statements_of(case.example)
    result = []
    for text, finding in rows:
        finding = json.loads(finding)
        number = next((i for i, one in enumerate(statements, 1) if (text or "").strip("; \n") in one), 1)
        result.append((number, finding["rule"], finding["severity"], finding.get("safe_sql", [])))
    return result


def checked_findings(session, text):
    rows = session.rows("SELECT statement, rule, severity, to_jsonb(safe_sql) "
                        f"FROM db_guard.check_sql({literal(text)})")
    return [(int(number or 1), rule, severity, json.loads(steps or "[]") or []) for number, rule, severity, steps in rows]


def has_way(findings, rule):
    return any(slug == rule.slug and steps for _, slug, _, steps in findings)


def ways_of(findings):
    ways = {}
    for number, rule, _, steps in findings:
        if steps:
            ways.setdefault((number, rule), Way(rule, number)).steps += steps
    return list(ways.values())


# --- what the server does ---------------------------------------------------------------------------


def ask_effects(session, function, text):
    session.query("BEGIN")
    try:
        return [Effect(row) for row in session.rows(f"SELECT {TRACE} FROM db_guard.{function}({literal(text)})")]
    finally:
        session.query("ROLLBACK")


def trace(session, text):
    """What the text does, observed where that is possible: CONCURRENTLY is predicted. Sequences are put
    back to where they were, since no rollback does that."""
    text = without_commits(text)
    values = session.rows("SELECT format('SELECT setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename), "
                          "coalesce(last_value, start_value), last_value IS NOT NULL) FROM pg_sequences "
                          "WHERE has_sequence_privilege(format('%I.%I', schemaname, sequencename), 'UPDATE')")
    effects = ask_effects(session, "trace_sql", text)
    for (restore,) in values:
        session.rows(restore)
    if any(effect.certainty == "unknown" and not refusal_of(effect) for effect in effects):
        effects = ask_effects(session, "explain_ddl", text)
    return effects


def refusal_of(effect):
    return effect.certainty == "unknown" and (effect.text or "").startswith("the server refuses it")


def without_commits(text):
    """A block that commits on the way cannot be traced; what it locks and does is the same without."""
    return re.sub(r"^\s*COMMIT;\n", "", text, flags=re.M) if first_word(text) == "DO" else text


def long_work(effects):
    """Effects that keep writers waiting for as long as the table is large."""
    return [effect for effect in effects if effect.blocks_writes and effect.work and effect.size > 0]


def claim_is_seen(case, effects, error):
    rule = case.rule
    locked = [effect for effect in effects if effect.lock == rule.lock]
    if rule.work in ("error", "refused"):
        return error is not None
    if rule.work == "none":
        return bool(locked) or not rule.lock.endswith("Lock")
    # An example of another kind may call for other work of the same rule.
    if case.own and long_work(effects):
        return True
    # In partitions the work is done in the leaves, where the lock may be another.
    working = locked if case.shape == "plain" else effects
    return bool(locked) and any(WORK.get(rule.work) in effect.work for effect in working)


# --- the proof of one case --------------------------------------------------------------------------


class Proof:
    def __init__(self, lab, case):
        self.lab = lab
        self.case = case
        self.ways = []
        self.findings = []
        self.before = self.after = None
        self.left = None

    def run(self):
        """Raises Failure, or NotApplicable where the server does not run the example in this shape."""
        with self.lab.database() as first:
            self.original(first)
        for way in self.ways:
            self.safe_way(way)
        return self

    def original(self, database):
        case = self.case
        try:
            database.set_up(case)
            self.add_dependents(database)
        except ServerError as problem:
            raise self.not_here(f"setup: {problem}") from problem
        self.before = database.catalog(case)
        effects = self.harm(database)
        checked = self.check(database)
        if case.good is not None and self.lab.has_check:
            self.good_example(database)
        logged, error = refused_and_run(database, case)
        if case.rule.work == "error":
            self.run_without_rows(database, error, has_way(checked or logged, case.rule))
        elif case.rule.work == "refused":
            self.run_outside_a_block(database, error)
        elif error is not None:
            raise self.not_here(f"the statement fails: {error}")
        self.findings = checked if checked is not None else logged
        # What only the server's own announcement tells, no reading of the statement can.
        if not self.reports(self.findings) and self.reports(logged):
            self.findings = logged
        self.after = database.catalog(case)
        self.judge_findings(effects, error)
        self.ways = ways_of(self.findings)
        if self.ways:
            self.left = database.state(self.drawn_columns())

    def reports(self, findings):
        return any(rule == self.case.rule.slug for _, rule, _, _ in findings)

    def not_here(self, text):
        """Not every statement has a meaning in every shape, but the plain one must run."""
        may_fail = self.case.shape != "plain" or self.case.rule.slug in SILENT_HERE
        return (NotApplicable if may_fail else Failure)(text)

    def add_dependents(self, database):
        """Those with which the server still runs the example."""
        case = self.case
        if not case.candidates:
            return
        session = self.lab.server.session(database.name)
        session.rows("SET db_guard.mode = off; SET client_min_messages = error")
        for statement in case.candidates:
            session.query("BEGIN")
            _, error = session.query(statement)
            for line in statements_of(case.example) if error is None else ():
                error = error or session.query(line)[1]
            session.query("ROLLBACK")
            if error is None or error.sqlstate == NOT_IN_A_BLOCK:
                _, error = session.query(statement)
                case.dependents += [statement] if error is None else []
        session.close()
        if not case.dependents:
            raise NotApplicable("the example cannot be run with any of them")

    def run_outside_a_block(self, database, error):
        """What it is meant to leave is seen where the server runs it."""
        if error is None:
            raise Failure("the server does not refuse it, though the rule says so")
        session = database.session(self.case, allow="all")
        for statement in statements_of(self.case.example):
            if first_word(statement) in ("BEGIN", "COMMIT"):
                continue
            _, error = session.query(statement)
            if error is not None:
                raise self.not_here(f"the statement fails by itself too: {error}")
        session.close()

    def run_without_rows(self, database, error, has_way):
        """It fails by its rows; what it is meant to leave is seen without them. Without a safe way there is
        nothing to compare it with."""
        if error is None:
            raise Failure("the server does not refuse it, though the rule says so")
        session = self.lab.server.session(database.name)
        tables = ", ".join(quote_name(name) for name in self.schema_tables(session))
        session.rows(f"SET db_guard.mode = off; TRUNCATE {tables} CASCADE; RESET search_path")
        error = run_allowed(session, self.case.example)
        session.close()
        if error is not None and has_way:
            raise self.not_here(f"the statement fails without rows too: {error}")

    def schema_tables(self, session):
        if self.case.schema:
            session.rows(f"SET search_path = {quote_name(self.case.schema)}")
        rows = session.rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND "
                            f"relnamespace = {quote_literal(quote_name(self.case.schema or 'public'))}::regnamespace")
        return [name for (name,) in rows]

    def harm(self, database):
        session = database.session(self.case, allow="all")
        effects = trace(session, self.case.example)
        session.close()
        return effects

    def check(self, database):
        if not self.lab.has_check:
            return None
        session = database.session(self.case)
        findings = checked_findings(session, self.case.example)
        session.close()
        return findings

    def judge_findings(self, effects, error):
        rule = self.case.rule
        seen = claim_is_seen(self.case, effects, error)
        found = {slug for _, slug, _, _ in self.findings}
        if rule.slug in found and not seen:
            raise Failure(f"claimed: {rule.lock}, {rule.work}; not seen in the trace", map(str, effects))
        if rule.slug in found:
            return
        if rule.slug in SILENT_HERE:
            raise NotApplicable(SILENT_HERE[rule.slug])
        # A lock alone is no hazard everywhere.
        if self.case.shape == "plain" or (seen and rule.work != "none"):
            raise Failure(f"the rule is silent; found: {sorted(found)}", map(str, effects))
        raise NotApplicable("no such harm in this shape, and the rule is silent")

    def drawn_columns(self):
        if self.case.rule.slug not in DRAWN:
            return ()
        new = set(self.after.rows) - set(self.before.rows)
        return {name for what, name, _, _ in new if what == "column"}

    def good_example(self, database):
        session = database.session(self.case)
        findings = checked_findings(session, self.case.good)
        session.close()
        wrong = [rule for _, rule, _, _ in findings if rule == self.case.rule.slug]
        if wrong and "db_guard.allow" not in self.case.good:
            raise Failure("the good example is reported")

    # --- the safe way -------------------------------------------------------------------------------

    def safe_way(self, way):
        with self.lab.database() as second:
            second.set_up(self.case)
            allow = ",".join(sorted({rule for _, rule, _, _ in self.findings} - {way.rule}))
            session = second.session(self.case, allow)
            for number, statement in enumerate(statements_of(self.case.example), 1):
                if number == way.statement:
                    self.run_steps(second, session, way)
                elif first_word(statement) not in ("BEGIN", "COMMIT", "START", "END"):
                    self.run_beside(session, statement, allow)
            session.close()
            theirs = second.state(self.drawn_columns())
        self.compare(way, theirs)

    def run_beside(self, session, statement, allow):
        session.query("SET db_guard.allow = 'all'")
        _, error = session.query(statement)
        session.query(f"SET db_guard.allow = {quote_literal(allow)}")
        if error is not None:
            raise Failure(f"beside the safe way, {statement}: {error}")

    def run_steps(self, database, session, way):
        for number, step in enumerate(way.steps, 1):
            place = f"{way.rule}, step {number} of {len(way.steps)}"
            if step.startswith("-- deploy") and way.rule in DEVELOPERS_PART:
                self.developers_part(database, way)
            self.trace_step(session, step, place, way.rule)
            for statement in statements_of(step):
                _, error = session.query(statement)
                if error is not None:
                    raise Failure(f"{place} fails: {error}", [step])
            if session.status != "I":
                raise Failure(f"{place} leaves a transaction open", [step])

    def trace_step(self, session, step, place, rule):
        if {first_word(statement) for statement in statements_of(step)} <= NO_WORK:
            return
        try:
            effects = trace(session, step)
        except ServerError as problem:
            raise Failure(f"{place} cannot be traced: {problem}", [step]) from problem
        refused = [effect.text for effect in effects if refusal_of(effect)]
        if refused:
            raise Failure(f"{place}: {refused[0]}", [step])
        brief = {KEEPS_NOBODY_WAITING[rule][0]} if rule in KEEPS_NOBODY_WAITING else set()
        wrong = [effect for effect in long_work(effects) if not effect.work <= brief]
        if wrong:
            raise Failure(f"{place} does long work under a lock that blocks writes: {wrong[0]}", [step])

    def developers_part(self, database, way):
        session = self.lab.server.session(database.name)
        schema = self.case.schema or "public"
        new = set(Catalog(session, schema).rows) - set(self.before.rows)
        for column, table in [(name, owner) for what, name, _, owner in new if what == "column"]:
            # An update of the parent reaches the partitions.
            session.rows(DEVELOPERS_PART[way.rule].format(table=f"{quote_name(schema)}.{quote_name(table)}",
                                                          column=quote_name(column)))
        session.close()

    def compare(self, way, theirs):
        ours = self.left
        found = differences(self.allowed(ours), self.allowed(theirs))
        if found:
            raise Failure(f"{way.rule}: after the safe way something else stands there (- statement, + safe way)",
                          [f"{mark} {line}" for mark, line in found])

    def allowed(self, state):
        lines = state.lines()
        for item in ALLOWANCES:
            if item.fits(self.case):
                lines = item.apply(lines)
        if self.case.rule.work == "error":
            lines = [line for line in lines if not line.startswith(("rows of ", "sequence "))]
        return State(lines, {})

    def script(self):
        """The reproduction, for psql."""
        case = self.case
        yield "-- setup"
        if case.schema:
            yield f"CREATE SCHEMA {quote_name(case.schema)};"
            yield f"SET search_path = {quote_name(case.schema)};"
        for statement in case.setup + case.dependents:
            yield statement.rstrip(" ;\n") + ";"
        if case.schema:
            yield "RESET search_path;"
        yield "-- statement"
        yield case.example
        for way in self.ways:
            yield f"-- safe way of {way.rule}"
            yield from way.steps


# --- all of them ------------------------------------------------------------------------------------


class Result:
    def __init__(self, case, kind, text="", lines=(), proof=None, ways=0):
        self.case = case
        self.kind = kind  # ok, no way, FAILED, n/a
        self.text = text
        self.lines = list(lines)
        self.script = list(proof.script()) if proof and kind == "FAILED" else []
        self.ways = ways


def prove(lab, case):
    proof = Proof(lab, case)
    try:
        proof.run()
        kind = "ok" if proof.ways else "no way"
        return proof, Result(case, kind, ways=len(proof.ways))
    except NotApplicable as reason:
        return proof, Result(case, "n/a", str(reason))
    except Failure as failure:
        return proof, Result(case, "FAILED", str(failure), failure.lines, proof)
    except (ServerError, RuntimeError, OSError) as problem:
        return proof, Result(case, "FAILED", f"{type(problem).__name__}: {problem}", (), proof)


def prove_rule(lab, rule, options):
    plain = Case(rule, "plain", rule.setup, rule.example, rule.good)
    proof, result = prove(lab, plain)
    results = [result]
    if proof.before is not None and proof.after is not None:
        cases = list(derived_cases(plain, proof.before, proof.after)) + list(own_cases(rule))
        for case in cases:
            results.append(prove(lab, case)[1])
    options.progress(f"{rule.slug}: " + ", ".join(f"{one.case.shape} {one.kind}" for one in results))
    return results


def run(server, options):
    started = time.monotonic()
    lab = Lab(server, options)
    wanted = set(options.files)
    rules = [Rule(row) for row in server.run(RULES, TEMPLATE)]
    rules = [rule for rule in rules if not wanted or rule.slug in wanted]
    with ThreadPoolExecutor(WORKERS) as pool:
        results = [one for many in pool.map(lambda rule: prove_rule(lab, rule, options), rules) for one in many]
    lab.close()
    report = Report(results, rules)
    report.seconds = time.monotonic() - started
    return [report]


class Count:
    def __init__(self, statements, agree):
        self.statements = statements
        self.agree = agree


class Report:
    """In the form of the other sources."""

    name = "proof"
    threshold = 100

    def __init__(self, results, rules):
        self.results = results
        self.rules = rules
        self.seconds = 0.0
        decided = [one for one in results if one.kind != "n/a"]
        failed = [one for one in decided if one.kind == "FAILED"]
        self.page_is_old = not page_is_in_step()
        self.total = Count(len(decided) + 1, len(decided) - len(failed) + (not self.page_is_old))

    @property
    def holds(self):
        return bool(self.rules) and self.total.agree == self.total.statements

    def table(self):
        yield f"== rules: the statement against its safe way ({self.seconds:.0f} s)"
        for rule in self.rules:
            own = [one for one in self.results if one.case.rule is rule]
            yield f"  {rule.slug}"
            for one in own:
                yield f"    {one.kind:<7} {one.case.shape}{': ' + first_line(one.text) if one.text else ''}"
        yield "  " + ", ".join(f"{sum(one.kind == kind for one in self.results)} {kind}"
                               for kind in ("ok", "no way", "n/a", "FAILED"))

    def details(self, limit):
        if self.page_is_old:
            yield "  docs/proof.md does not have the allowances of proof_allowances.py; its table must be:"
            yield from table_of_allowances()
        for one in [one for one in self.results if one.kind == "FAILED"]:
            yield ""
            yield f"  -- FAILED {one.case.name}: {one.text}"
            yield from ("      " + line.replace("\n", "\n        ") for line in one.lines)
            yield "  -- reproduce:"
            yield from ("    " + line.replace("\n", "\n    ") for line in one.script)

    def records(self):
        for one in self.results:
            yield json.dumps({"source": "proof", "rule": one.case.rule.slug, "shape": one.case.shape, "kind": one.kind,
                              "text": one.text, "lines": one.lines, "script": one.script}, ensure_ascii=False)


def first_line(text):
    return text.split("\n", 1)[0][:160]


def page_is_in_step():
    with open(PAGE, encoding="utf-8") as page:
        lines = page.read().split("\n")
    return all(line in lines for line in table_of_allowances())
