"""What may differ between a statement and its safe way: rule by rule, each with the reason. The table of
docs/proof.md is made of it."""
import re


class Allowance:
    """`apply` rewrites the lines of both states so that what is allowed looks the same."""

    def __init__(self, rules, sentence, apply, shapes=None):
        self.rules = rules
        self.sentence = sentence
        self.apply = apply
        self.shapes = shapes

    def fits(self, case):
        return case.rule.slug in self.rules and (self.shapes is None or case.shape in self.shapes)


def any_column_order(lines):
    return [sorted_columns(line) if line.startswith("CREATE TABLE ") else line for line in lines]


def sorted_columns(statement):
    """pg_dump has a line for each column."""
    lines = statement.split("\n")
    ends = [i for i, line in enumerate(lines) if line == ")" or line.startswith((")\n", ") "))]
    if not ends or len(lines) < 3:
        return statement
    body = sorted(line.rstrip(",") for line in lines[1:ends[-1]])
    return "\n".join([lines[0]] + body + lines[ends[-1]:])


def without_rows(lines):
    return [re.sub(r"^(rows of .*): .*", r"\1", line, flags=re.S) for line in lines]


ALLOWANCES = []

# Rules whose columns get values that are drawn anew each time: nothing can be compared but that they exist.
DRAWN = {
    "add-column-volatile-default": "A volatile default draws its values anew each time; only their presence is compared.",
    "add-primary-key": "The same, where the example's new key column has a volatile default.",
}

# What the comment of a step leaves to the developer, done by the bench: the rule, and SQL over the new column.
DEVELOPERS_PART = {
    "add-column-required": "UPDATE {table} SET {column} = 'EUR'",
}


def table_of_allowances():
    lines = ["| rule | what may differ, and why |", "|---|---|"]
    rows = [(rule, item.sentence + shapes_text(item)) for item in ALLOWANCES for rule in item.rules]
    rows += list(DRAWN.items())
    return lines + [f"| `{rule}` | {sentence} |" for rule, sentence in sorted(rows)]


def shapes_text(item):
    return "" if item.shapes is None else f" (Shapes: {', '.join(item.shapes)}.)"
