"""Counts outcomes, prints them as tables and keeps the disagreements as JSON lines."""
import json
import re
from collections import defaultdict

from compare import met_data

DISAGREEMENTS = ("differs", "unknown", "refusal", "failed")


class Counts:
    def __init__(self):
        self.statements = self.agree = self.estimated = self.estimated_agree = self.unknown = 0

    def add(self, outcome):
        agree = outcome.kind == "agree"
        self.statements += 1
        self.agree += agree
        self.unknown += outcome.kind == "unknown"
        if outcome.certainty == "estimated":
            self.estimated += 1
            self.estimated_agree += agree

    def line(self, name):
        share = 100 * self.agree / self.statements if self.statements else 100
        estimated = f"{self.estimated_agree}/{self.estimated}" if self.estimated else ""
        return (f"  {name:<50.50} {self.statements:>10} {self.agree:>7} {percent(share):>8} "
                f"{estimated:>11} {self.unknown or '':>8}")


def percent(share):
    # 99.96 is not 100.
    return "100 %" if share == 100 else f"{int(share * 10) / 10:.1f} %"


class Source:
    """One of the things that statements are taken from."""

    def __init__(self, name, title, threshold):
        self.name = name
        self.title = title
        self.threshold = threshold
        self.total = Counts()
        self.groups = defaultdict(Counts)
        self.disagreements = []
        self.refused = self.untraced = self.data_errors = 0
        self.claims = []
        self.seconds = 0.0

    def add(self, outcome, error=None):
        """`error`: what the server said when the statement was really run."""
        if outcome.kind == "untraced" and error is None:
            self.untraced += 1
        elif outcome.kind in ("refused", "untraced"):
            # The same SQLSTATE says "not in a transaction" and "not at all": running it tells.
            self.refused += 1
            if outcome.claims_effects and met_data(error):
                self.data_errors += 1
            elif outcome.claims_effects:
                outcome.kind = "claimed"
                outcome.text = error.message if error else outcome.text
                self.claims.append(outcome)
        else:
            self.total.add(outcome)
            self.groups[outcome.group].add(outcome)
            if outcome.kind in DISAGREEMENTS:
                self.disagreements.append(outcome)

    @property
    def demand(self):
        return f"less than {self.threshold} % agree"

    @property
    def holds(self):
        counts = self.total
        return counts.statements > 0 and 100 * counts.agree >= self.threshold * counts.statements

    def table(self):
        yield f"== {self.title} ({self.seconds:.0f} s)"
        yield (f"  {'class':<50} {'statements':>10} {'agree':>7} {'percent':>8} {'estimated':>11} "
               f"{'unknown':>8}")
        for name in sorted(self.groups):
            yield self.groups[name].line(name)
        yield self.total.line("total")
        if self.refused:
            yield (f"  not counted: {self.refused} refused by the server; effects were predicted as exact for "
                   f"{len(self.claims) + self.data_errors} of them, {self.data_errors} of which failed on their data")
        if self.untraced:
            yield f"  not counted: {self.untraced} that cannot be run in a transaction"

    def details(self, limit):
        """The disagreements, at most `limit` of each class; None for all."""
        if limit == 0:
            return
        groups = defaultdict(list)
        for outcome in self.disagreements:
            groups[outcome.group, outcome.kind].append(outcome)
        for outcome in self.claims:
            groups[outcome.group, outcome.kind].append(outcome)
        for (group, kind), outcomes in sorted(groups.items()):
            yield ""
            yield f"  -- {self.name}: {group}: {HEADINGS[kind]} ({len(outcomes)})"
            shown = outcomes[:limit]
            for outcome in shown:
                yield from lines_of(outcome)
            if len(shown) < len(outcomes):
                yield f"  ... {len(outcomes) - len(shown)} more (ALL=1 shows them)"

    def records(self):
        for outcome in self.disagreements + self.claims:
            yield json.dumps(record_of(self.name, outcome), ensure_ascii=False)


HEADINGS = {"differs": "prediction and trace differ", "unknown": "predicted as unknown",
            "refusal": "a refusal predicted, but the server runs it", "failed": "no answer",
            "claimed": "effects predicted as exact, but the server refuses it"}


def one_line(statement, width=400):
    text = re.sub(r"\s+", " ", statement).strip()
    return text if len(text) <= width else text[:width] + " ..."


def rows_text(effects):
    return "; ".join(str(effect) for effect in effects) or "nothing"


def lines_of(outcome):
    yield f"  {outcome.where}: {one_line(outcome.statement)}"
    if outcome.kind == "differs":
        yield f"      predicted {rows_text(outcome.extra)}"
        yield f"      observed  {rows_text(outcome.missing)}"
    else:
        yield f"      {one_line(outcome.text or '')}"


def record_of(source, outcome):
    def rows(side):
        return side.rows if side else None

    return {"source": source, "class": outcome.group, "kind": outcome.kind, "where": outcome.where,
            "certainty": outcome.certainty, "statement": outcome.statement, "text": outcome.text,
            "only_predicted": [str(effect) for effect in outcome.extra],
            "only_observed": [str(effect) for effect in outcome.missing],
            "predicted": rows(outcome.predicted), "observed": rows(outcome.observed)}
