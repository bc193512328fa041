"""What db_guard and squawk say of the statements of the lock matrix, against what was measured.

LONG is a statement that rewrites, scans, indexes or checks a relation that was there before, under a lock
that keeps writes to it waiting. A tool is to report those, and no other for that reason.
"""
import json
import os
import subprocess
import tempfile
import time
from collections import namedtuple

from compare import literal
from matrix import Cell, prepare, read_cases

DATABASE = "db_guard_verify_squawk"
BLOCK_WRITES = {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
WORK = {"REWRITE", "INDEXBUILD", "FKSCAN"}
# Of the harmless statements some are in the eye of the beholder.
HARMLESS_ALLOWED = 2

# Those of squawk's rules that are about work under a lock; the others are about style, timeouts,
# compatibility and data.
LOCK_RULES = {
    "adding-field-with-default", "adding-foreign-key-constraint", "adding-not-nullable-field",
    "adding-serial-primary-key-field", "ban-alter-domain-with-add-constraint", "changing-column-type",
    "constraint-missing-not-valid", "disallowed-unique-constraint", "prefer-repack",
    "require-concurrent-index-creation", "require-concurrent-partition-detach",
    "require-concurrent-reindex",
}

FINDINGS = """SELECT DISTINCT rule, work IN ('rewrite', 'scan', 'index build', 'foreign key check')
  FROM db_guard.script_findings({}) AS finding JOIN db_guard.rules USING (rule)
 WHERE finding.severity IN ('block', 'warn')"""


class Verdict(namedtuple("Verdict", "case is_long rules lock_rules")):
    """The rules that report a case, and those of them that are about work under a lock."""


def run(server, options):
    started = time.monotonic()
    prepare(server, DATABASE)
    session = server.session(DATABASE)
    version = session.rows("SHOW server_version_num")[0][0]
    major = int(version) // 10000
    cases = [case for case in read_cases() if major in case.cells and not measured(case, major).refused]
    ours = Score("db_guard", [verdict(case, major, ask_db_guard(session, case)) for case in cases],
                 judged=True)
    session.close()
    server.run(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    theirs = Score("squawk", [verdict(case, major, found)
                              for case, found in zip(cases, ask_squawk(options.squawk, cases, major))],
                   judged=False)
    ours.seconds = time.monotonic() - started
    return [ours, theirs]


def measured(case, major):
    return Cell(case.cells[major])


def verdict(case, major, found):
    rules, lock_rules = found
    return Verdict(case, is_long(case, measured(case, major)), rules, lock_rules)


def is_long(case, cell):
    held = {relation for relation, lock in cell.locks.items() if lock in BLOCK_WRITES}
    words = cell.words & WORK
    # What is built over a new table, or checked in it, keeps nobody waiting; nor do the indexes of one
    # that has just become empty.
    if case.sql.lower().startswith(("create table", "truncate")):
        words -= {"INDEXBUILD", "FKSCAN"}
    return bool(held and words) or bool(held & cell.scans)


def ask_db_guard(session, case):
    session.rows("SET db_guard.small_table_size TO 0")
    rows = session.rows(FINDINGS.format(literal(case.sql)))
    return {rule for rule, _ in rows}, {rule for rule, about_work in rows if about_work == "t"}


def ask_squawk(program, cases, major):
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, f"{number:04}.sql") for number in range(len(cases))]
        for name, case in zip(names, cases):
            with open(name, "w", encoding="utf-8") as file:
                file.write(case.sql.rstrip("; \n") + ";\n")
        answer = subprocess.run([program, "--reporter", "json", "--pg-version", f"{major}.0", *names],
                                capture_output=True, text=True, check=False)
        found = {name: set() for name in names}
        for finding in json.loads(answer.stdout):
            found[finding["file"]].add(finding["rule_name"])
    return [(found[name], found[name] & LOCK_RULES) for name in names]


class Score:
    """Prints like a report.Source. The one that is judged must report all long work and little else."""

    demand = f"long work missed, or more than {HARMLESS_ALLOWED} harmless statements reported"

    def __init__(self, name, verdicts, judged):
        self.name = name
        self.seconds = 0.0
        self.verdicts = verdicts
        missed = sum(v.is_long and not v.lock_rules for v in verdicts)
        wrong = sum(bool(v.lock_rules) and not v.is_long for v in verdicts)
        failed = missed + max(0, wrong - HARMLESS_ALLOWED)
        # As much of report.Counts as the last line of all needs.
        self.total = self
        self.statements = len(verdicts) if judged else 0
        self.agree = self.statements - (failed if judged else 0)

    @property
    def holds(self):
        return self.agree == self.statements

    def table(self):
        long = [v for v in self.verdicts if v.is_long]
        harmless = [v for v in self.verdicts if not v.is_long]
        yield f"== {self.name} on the lock matrix ({self.seconds:.0f} s)"
        yield f"  {'':<34} {'long work found':>18} {'harmless reported':>20}"
        for title, rules in (("rules about work under a lock", lambda v: v.lock_rules),
                             ("all rules", lambda v: v.rules)):
            found = sum(bool(rules(v)) for v in long)
            wrong = sum(bool(rules(v)) for v in harmless)
            yield f"  {title:<34} {f'{found} of {len(long)}':>18} {f'{wrong} of {len(harmless)}':>20}"

    def details(self, limit):
        for title, chosen in (("missed", [v for v in self.verdicts if v.is_long and not v.lock_rules]),
                              ("reported, but harmless",
                               [v for v in self.verdicts if not v.is_long and v.lock_rules])):
            if not chosen or limit == 0:
                continue
            yield ""
            yield f"  -- {self.name}: {title} ({len(chosen)})"
            for shown in chosen[:limit]:
                rules = ", ".join(sorted(shown.lock_rules or shown.rules))
                yield f"  {shown.case.name}: {shown.case.sql}" + (f"  [{rules}]" if rules else "")
            if limit is not None and len(chosen) > limit:
                yield f"  ... {len(chosen) - limit} more (ALL=1 shows them)"

    def records(self):
        for one in self.verdicts:
            yield json.dumps({"source": self.name, "case": one.case.name, "statement": one.case.sql,
                              "long": one.is_long, "rules": sorted(one.rules)})
