"""The measured lock matrix: every case against the trace, and against what was measured."""
import os
import re
import time

from compare import LOCKS, SHORT_LOCKS, Effect, Outcome, compare, met_data
from psql_script import Script, first_word
from report import Source

HERE = os.path.dirname(os.path.abspath(__file__))
DATABASE = "db_guard_verify_matrix"
LONG_LOCKS = {short: long for long, short in SHORT_LOCKS.items()}
NO_COMPARISON = {"SET"}


class Case:
    def __init__(self, line):
        fields = line.rstrip("\n").split("\t")
        self.name, self.sql, watched = fields[:3]
        self.watched = set(watched.split(","))
        self.cells = dict(zip((15, 17, 18), fields[3:]))
        self.statements = [item[1] for item in Script(self.sql, {})]


class Cell:
    """What was measured: locks by relation, and the words of the work."""

    def __init__(self, text):
        self.refused = text == "refused"
        locks, _, work = ("", "", "") if self.refused else text.partition("|")
        self.locks = {relation: LONG_LOCKS[lock]
                      for relation, lock in (item.rsplit(":", 1) for item in locks.split())}
        self.scans = set(re.findall(r"SCAN\((\w+)\)", work))
        self.words = {word for word in work.split() if not word.startswith("SCAN(")}


def read_cases():
    with open(os.path.join(HERE, "lock_matrix.tsv"), encoding="utf-8") as file:
        return [Case(line) for line in file if not line.startswith("#")]


def run(server, options):
    trace = Source("matrix", "lock matrix, prediction against trace", 100)
    record = Source("measured", "lock matrix, prediction against what was measured", 100)
    started = time.monotonic()
    prepare(server, DATABASE)
    session = server.session(DATABASE)
    major = int(session.rows("SHOW server_version_num")[0][0]) // 10000
    cases = read_cases()
    for case in cases:
        session = run_case(server, session, case, major, trace, record)
    session.close()
    server.run(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    trace.seconds = record.seconds = time.monotonic() - started
    options.progress(f"matrix: {len(cases)} cases")
    # Nothing was measured on 16.
    return [trace, record] if record.total.statements else [trace]


def prepare(server, database):
    """The tables of the matrix in a database of their own."""
    server.create_database(database, "template0")
    session = server.session(database)
    session.rows("CREATE EXTENSION db_guard")
    session.rows(f"ALTER DATABASE {database} SET db_guard.mode TO 'off'")
    session.rows("SET db_guard.mode TO 'off'; SET client_min_messages TO error")
    with open(os.path.join(HERE, "lock_matrix.sql"), encoding="utf-8") as file:
        old, _, new = file.read().partition("-- 18\n")
    for _, statement, _ in Script(old, {}):
        session.rows(statement)
    for _, statement, _ in Script(new, {}):
        session.query(statement)
    session.close()


def run_case(server, session, case, major, trace, record):
    """One transaction a case, rolled back; the session for the next one."""
    session.query("BEGIN")
    outcomes, error = [], None
    for statement in case.statements:
        if first_word(statement) not in NO_COMPARISON:
            outcome = compare(session, statement, f"matrix: {case.name}")
            if hasattr(outcome, "crashed"):
                server.wait()
                trace.add(outcome)
                record.add(outcome)
                return server.session(DATABASE)
            outcomes.append(outcome)
        _, error = session.query(statement)
        if outcomes:
            trace.add(outcomes[-1], error)
        if error:
            break
    session.query("ROLLBACK")
    if major in case.cells:
        record.add(against_record(case, Cell(case.cells[major]), outcomes, error))
    return session


def against_record(case, cell, outcomes, error):
    """An outcome of its own: agree, or differs with the differences as text."""
    last = outcomes[-1]
    if last.kind in ("unknown", "failed"):
        return Outcome(last.statement, last.where, last.kind, last.predicted, last.observed, last.text)
    wrong = list(differences(case, cell, outcomes, error))
    outcome = Outcome(last.statement, last.where, "differs" if wrong else "agree", last.predicted,
                      last.observed)
    outcome.extra = [one for one, _ in wrong]
    outcome.missing = [other for _, other in wrong]
    return outcome


def differences(case, cell, outcomes, error):
    """Pairs of what is predicted and what was measured."""
    last = outcomes[-1]
    effects = [effect for outcome in outcomes for effect in outcome.predicted.effects]
    if cell.refused:
        # Of its data the server finds out when it has the lock already.
        if last.claims_effects and not met_data(error):
            yield "effects, certainty exact", "the server refuses it"
        return
    if error is not None:
        yield "", f"on this server it fails: {error.message}"
        return
    yield from lock_differences(case, cell, effects)
    yield from work_differences(cell, outcomes, effects)


def lock_differences(case, cell, effects):
    found = {}
    for effect in effects:
        found[effect.relation] = max(found.get(effect.relation, LOCKS[0]), effect.lock, key=LOCKS.index)
    for relation in sorted(case.watched | set(cell.locks)):
        predicted, measured = found.get(relation), cell.locks.get(relation)
        if predicted != measured:
            yield f"{relation} {short(predicted)}", f"{relation} {short(measured)}"


def short(lock):
    return SHORT_LOCKS[lock] if lock else "not locked"


def work_differences(cell, outcomes, effects):
    statement = outcomes[-1].group
    measured = set(cell.words)
    predicted = set()
    for effect in effects:
        predicted |= words_of(effect)
    # Indexes of a new table are no effect on what exists, but the measurement shows their building.
    if statement.startswith("CREATE TABLE"):
        measured.discard("INDEXBUILD")
    # It copies the heap without a message that says so.
    if statement == "CLUSTER":
        predicted.discard("REWRITE")
    for word in sorted(predicted - measured):
        yield word, f"no {word}"
    for word in sorted(measured - predicted):
        yield f"no {word}", word
    # Scans were measured by the server's messages, which pass over some: the trace counts those too.
    seen = {effect.relation for outcome in outcomes if outcome.observed
            for effect in outcome.observed.effects if effect.work[1]}
    scanned = {effect.relation for effect in effects if effect.work[1]}
    for relation in sorted(cell.scans - scanned):
        yield f"no SCAN({relation})", f"SCAN({relation})"
    for relation in sorted(scanned - cell.scans - seen):
        yield f"SCAN({relation})", f"no SCAN({relation})"


def words_of(effect: Effect):
    words = ("REWRITE", None, "INDEXBUILD", "FKSCAN")
    found = {word for word, done in zip(words, effect.work) if done and word}
    return found | ({"PROVEN"} if effect.proven else set())
