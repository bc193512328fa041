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
    ends = [i for i, line in enumerate(lines) if line in (")", ");") or line.startswith(") ")]
    if not ends or len(lines) < 3:
        return statement
    body = sorted(line.rstrip(",") for line in lines[1:ends[-1]])
    return "\n".join([lines[0]] + body + lines[ends[-1]:])


NAME = r'(?:"(?:[^"]|"")+"|\w+)'
INDEX = re.compile(rf"CREATE (?:UNIQUE )?INDEX (?P<name>{NAME}) ON (?:ONLY )?(?P<schema>{NAME})\.(?P<what>.*)", re.S)
ATTACHED = re.compile(rf"ALTER INDEX .* ATTACH PARTITION (?P<name>{NAME}\.{NAME});?", re.S)


def any_names_of_partition_indexes(lines):
    attached = {match.group("name") for match in map(ATTACHED.fullmatch, lines) if match}
    return with_any_names(lines, lambda name: name in attached)


def any_names_of_indexes(lines):
    return with_any_names(lines, lambda name: True)


def with_any_names(lines, wanted):
    """Indexes called by what they are instead."""
    for match in [match for match in map(INDEX.fullmatch, lines) if match]:
        name, schema = match.group("name"), match.group("schema")
        if wanted(f"{schema}.{name}"):
            known_as = f"[index on {match.group('what')}]"
            lines = [line.replace(f"{schema}.{name}", f"{schema}.{known_as}").replace(f"INDEX {name} ON",
                                                                                  f"INDEX {known_as} ON")
                     for line in lines]
    return lines


NEW_NOT_NULL = re.compile(r'CONSTRAINT (?:\w+_new\d*_not_null|"(?:[^"]|"")+_new\d*_not_null") NOT NULL')


def any_name_of_new_not_null(lines):
    return [NEW_NOT_NULL.sub("NOT NULL", line) if line.startswith("CREATE TABLE ") else line for line in lines]


def without_lines(pattern):
    return lambda lines: [line for line in lines if not re.match(pattern, line, re.S)]


def without_text(pattern):
    return lambda lines: [re.sub(pattern, "", line) for line in lines]


# The last CHECK of a table, which nothing but ")" follows.
LEFT_CHECK = r',\n +CONSTRAINT (?:"(?:[^"]|"")*_check"|\w+_check) CHECK \(.*(?=\n\);?$)'

def without_indexes(lines):
    return [line for line in lines
            if not line.startswith(("CREATE INDEX ", "invalid index ")) and not ATTACHED.fullmatch(line)]


DOMAIN_CHECK = re.compile(rf"ALTER DOMAIN (?P<domain>(?:{NAME}\.)?{NAME})\s+ADD (?P<check>CONSTRAINT .*) NOT VALID;", re.S)


def validated_domains(lines):
    """pg_dump puts a constraint that is NOT VALID behind the domain, and any other into it."""
    checks = [match for match in map(DOMAIN_CHECK.fullmatch, lines) if match]
    lines = [line for line in lines if not DOMAIN_CHECK.fullmatch(line)]
    for match in checks:
        head = f"CREATE DOMAIN {match.group('domain')} AS "
        lines = [f"{line[:-1]}\n\t{match.group('check')};" if line.startswith(head) else line for line in lines]
    return sorted(lines)


PERCENTAGE = re.compile(rf'^( +(?:discount\w*|"discount(?:[^"]|"")*")) (?:{NAME}\.{NAME}|numeric)(?=,?\n)', re.M)
PERCENTAGE_CHECK = re.compile(rf",\n +CONSTRAINT {NAME} CHECK \(\(\({NAME} >= \(0\)::numeric\) AND "
                              rf"\({NAME} <= \(100\)::numeric\)\)\)")


def domain_or_check(lines):
    """A column of the domain of the example, or of its base type with the domain's constraint: one or the other."""
    return sorted(PERCENTAGE.sub(r"\1 percentage", PERCENTAGE_CHECK.sub("", line))
                  if line.startswith("CREATE TABLE ") else line for line in lines)


COMPUTATION = re.compile(r'(?:ALTER FUNCTION .*_compute"?\(\) OWNER|CREATE FUNCTION .*_compute"?\(\) RETURNS|'
                         r'CREATE TRIGGER .*_compute"? BEFORE INSERT OR UPDATE ON) ', re.S)
GENERATED = re.compile(rf" GENERATED ALWAYS AS \(\({NAME} \* 1\.19\)\) STORED")


def generated_or_computed(lines):
    return sorted(GENERATED.sub("", line) for line in lines if not COMPUTATION.match(line))


NEW_COLUMN = ("alter-column-type-foreign-key", "alter-column-type-reindex", "alter-column-type-rewrite")

ALLOWANCES = [
    Allowance(NEW_COLUMN, "From PostgreSQL 18 on NOT NULL has a name of its own; it stays the one that it was given "
              "with the new column.", any_name_of_new_not_null),
    Allowance(NEW_COLUMN, "The column of the new type stands behind the others: a table has no other order of "
              "columns than that in which they came.", any_column_order),
    Allowance(NEW_COLUMN, "The indexes of partitions keep the names that the server gave them for the new column; "
              "the index of the parent gets its name back.", any_names_of_partition_indexes, ("partitioned",)),
    Allowance(("add-column-constrained-domain",), "The column has the domain's base type and, as a constraint of the "
              "table, what the domain asks of its values: only that can be validated later.", domain_or_check),
    Allowance(("generated-column",), "A trigger computes the column: the server fills no generated column but by "
              "writing the whole table.", generated_or_computed),
    Allowance(("create-index-blocking",), "An index on an expression that has no name of its own is called `expr` by "
              "the steps, which must name it; the server would take the name of the function.", any_names_of_indexes,
              ("partitioned, expression, no name",)),
    Allowance(("autovacuum-disabled",), "The table is vacuumed more gently instead of not at all: that is another "
              "storage parameter.", without_text(r"\nWITH \(autovacuum_\w+='?\w+'?\)")),
    Allowance(("detach-partition",), "CONCURRENTLY leaves a CHECK on the table that says what the bounds said.",
              without_text(re.compile(LEFT_CHECK, re.S))),
    Allowance(("enable-row-security",), "The policy that was missing.", without_lines("CREATE POLICY ")),
    Allowance(("identity-behind-values",), "The sequence goes on behind the largest value, which is the point.",
              without_lines("sequence |SELECT pg_catalog.setval")),
    Allowance(("rename-enum-value",), "The old value stays in the type; no row holds it.",
              without_lines("CREATE TYPE ")),
    Allowance(("foreign-key-without-index",), "The safe way makes the index that the statement does without.",
              without_indexes),
    Allowance(("create-index-over-invalid",), "The statement leaves the index invalid, the safe way does not.",
              without_indexes),
    Allowance(("alter-domain-scan",), "The constraint stays NOT VALID: there is no online way to validate it.",
              validated_domains),
]

# Work under a lock that keeps nobody waiting: rule, what work, and why.
KEEPS_NOBODY_WAITING = {
    "refresh-materialized-view": ("scan", "CONCURRENTLY reads the view under EXCLUSIVE: that keeps other REFRESHes "
                                  "waiting, and nobody else writes to a materialized view."),
    "truncate": ("index_build", "The indexes of the emptied table are made anew, without a row in them."),
    "truncate-cascade": ("index_build", "The same, of all tables that are emptied."),
}

# Rules that have nothing to say here; TAP 020 and 045 set the stage for them.
SILENT_HERE = {
    "concurrent-index-waits": "It speaks where another session has a transaction open.",
    "drop-role-in-use": "It speaks of a role that is logged in.",
    "lock-fan-out": "It speaks where the table of locks is small; the proof's server has room.",
    "lock-queue": "It speaks where another session is in the way.",
}

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
    rows += list(DRAWN.items()) + [(rule, why) for rule, (_, why) in KEEPS_NOBODY_WAITING.items()]
    return lines + [f"| `{rule}` | {sentence} |" for rule, sentence in sorted(rows)]


def shapes_text(item):
    return "" if item.shapes is None else f" (Shapes: {', '.join(item.shapes)}.)"
