"""Takes prediction and trace of one statement, and judges how they agree."""
from collections import Counter, namedtuple

from command_class import class_of
from wire import ConnectionLost

COLUMNS = ("statement", "command", "relation", "lock_mode", "rewrite", "scan", "index_build",
           "fk_check", "proof", "certainty")
WORK = ("rewrite", "scan", "index_build", "fk_check")

LOCKS = ["AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
         "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"]
SHORT_LOCKS = dict(zip(LOCKS, ["AS", "RS", "RE", "SUE", "S", "SRE", "E", "AE"]))

HELD = ("SELECT l.relation::pg_catalog.regclass::text, l.mode FROM pg_catalog.pg_locks l "
        "WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted "
        "AND l.relation >= 16384")

# Errors that a statement meets in the data, after it has taken its locks and begun its work.
DATA_ERRORS = ("22", "23")


class Effect(namedtuple("Effect", "relation lock work proven")):
    def __str__(self):
        words = [name for name, done in zip(WORK, self.work) if done]
        if self.proven:
            words.append("proof")
        return f"{self.relation} {SHORT_LOCKS.get(self.lock, self.lock)} {' '.join(words)}".strip()


class Side:
    """What one of the two functions answered to one statement."""

    def __init__(self, rows):
        self.rows = [dict(zip(COLUMNS, row)) for row in rows]
        self.statements = len({row["statement"] for row in self.rows})
        self.command = next((row["command"] for row in self.rows if row["command"]), None)
        self.certainty = weakest(row["certainty"] for row in self.rows)
        # The text of a row without a relation: why nothing is known, or what the server will say.
        self.text = next((row["proof"] for row in self.rows if row["relation"] is None), None)
        self.effects = [
            Effect(row["relation"], row["lock_mode"], tuple(row[name] == "t" for name in WORK),
                   row["proof"] is not None)
            for row in self.rows if row["relation"] is not None]

    def says(self, beginning):
        return self.text is not None and self.text.startswith(beginning)


class Outcome:
    """`kind` is one of: agree, differs, unknown, refusal (predicted, though the server runs it), failed
    (no answer), and those that are no comparison: refused, untraced."""

    def __init__(self, statement, where, kind, predicted=None, observed=None, text=None):
        self.statement = statement
        self.where = where
        self.kind = kind
        self.predicted = predicted
        self.observed = observed
        self.text = text
        self.missing = []
        self.extra = []
        command = (predicted and predicted.command) or (observed and observed.command)
        self.group = class_of(statement, command)

    @property
    def certainty(self):
        return self.predicted.certainty if self.predicted else None

    @property
    def claims_effects(self):
        return self.certainty == "exact" and bool(self.predicted.effects)


def weakest(certainties):
    found = set(certainties)
    return next((one for one in ("unknown", "estimated", "exact") if one in found), None)


def literal(text):
    tag = "$verify$"
    while tag in text:
        tag = tag[:-1] + "_$"
    return tag + text + tag


def ask(session, statement):
    """Prediction, trace and what the session holds already; nothing of it stays."""
    columns = ", ".join(COLUMNS)
    quoted = literal(statement)
    parts = [HELD] + [f"SELECT {columns} FROM db_guard.{function}({quoted})"
                      for function in ("explain_ddl", "trace_sql")]
    in_block = session.status == "T"
    if in_block:
        parts.insert(0, "SAVEPOINT db_guard_verify")
    results, error = session.query("; ".join(parts))
    if in_block:
        session.query("ROLLBACK TO SAVEPOINT db_guard_verify; RELEASE SAVEPOINT db_guard_verify")
    return [rows for _, rows in results], error, in_block


def compare(session, statement, where):
    """The outcome, or None where the text holds more than one statement."""
    try:
        results, error, in_block = ask(session, statement)
    except ConnectionLost as problem:
        outcome = Outcome(statement, where, "failed", text=f"connection lost: {problem}")
        outcome.crashed = True
        return outcome
    if error is not None or len(results) < 3:
        predicted = Side(results[1]) if len(results) > 1 else None
        return Outcome(statement, where, "failed", predicted, text=str(error))
    held, predicted, observed = strongest(results[0]), Side(results[1]), Side(results[2])
    if predicted.statements > 1 or observed.statements > 1 or not observed.rows:
        return None
    return judge(statement, where, predicted, observed, held if in_block else {})


def strongest(rows):
    held = {}
    for relation, mode in rows:
        if relation not in held or LOCKS.index(mode) > LOCKS.index(held[relation]):
            held[relation] = mode
    return held


def judge(statement, where, predicted, observed, held):
    def outcome(kind, text=None):
        return Outcome(statement, where, kind, predicted, observed, text)

    if observed.certainty == "unknown":
        traceable = observed.says("the server refuses it")
        return outcome("refused" if traceable else "untraced", observed.text)
    if predicted.certainty == "unknown":
        return outcome("unknown", predicted.text)
    if not predicted.effects and predicted.text is not None:
        return outcome("refusal", predicted.text)
    wanted = Counter(observed.effects)
    found = Counter(without_held(predicted.effects, observed.effects, held))
    result = outcome("agree" if wanted == found else "differs")
    result.missing = sorted((wanted - found).elements(), key=str)
    result.extra = sorted((found - wanted).elements(), key=str)
    return result


def without_held(effects, observed, held):
    """The trace is silent about a lock that the session holds already, and shows the stronger one where it
    speaks of the relation for another reason."""
    shown = {effect.relation for effect in observed}
    kept = []
    for effect in effects:
        own = held.get(effect.relation)
        if own is not None and LOCKS.index(own) >= LOCKS.index(effect.lock):
            if effect.relation not in shown:
                continue
            effect = effect._replace(lock=own)
        kept.append(effect)
    return kept


def met_data(error):
    return error is not None and error.sqlstate[:2] in DATA_ERRORS
