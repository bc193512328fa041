"""What a database holds, in a form that two of them can be compared by: the statements of pg_dump,
a digest of each table's rows, the values of sequences, and what a dump passes over."""
import re
import subprocess

from psql_script import Script

# jsonb has its keys in an order of its own, so that the order of columns does not matter.
ROWS = r"""
SELECT format('rows of %I.%I', n.nspname, c.relname),
       (xpath('/row/x/text()', query_to_xml(format(
         'SELECT count(*) || '' '' || coalesce(md5(string_agg(j, E''\n'' ORDER BY j)), '''') AS x
            FROM (SELECT (to_jsonb(t) %s)::text COLLATE "C" AS j FROM ONLY %I.%I t) s',
         (SELECT string_agg(format('- %L::text', d), ' ') FROM unnest($1::text[]) d), n.nspname, c.relname),
         false, true, '')))[1]::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'db_guard')
"""

# What nextval gives next: that of a sequence never used, or set with is_called = false, is its value itself.
SEQUENCES = """
SELECT format('sequence %I.%I', n.nspname, c.relname),
       (xpath('/row/x/text()', query_to_xml(format(
         'SELECT last_value + CASE WHEN is_called THEN %s ELSE 0 END AS x FROM %I.%I', s.seqincrement, n.nspname,
         c.relname), false, true, '')))[1]::text
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname <> 'db_guard'
"""

# A dump leaves invalid indexes out.
INVALID = """
SELECT format('invalid index %s', indexrelid::regclass), '' FROM pg_index WHERE NOT indisvalid
"""

NOISE = re.compile(r"^(?:\\(?:un)?restrict .*|SET \w+ = .*|SELECT pg_catalog\.set_config\(.*)\n", re.M)


class State:
    def __init__(self, statements, facts):
        self.statements = statements
        self.facts = facts

    def lines(self):
        return sorted(self.statements) + sorted(f"{name}: {value}" for name, value in self.facts.items())


def read_state(session, dump_command, drawn_columns=()):
    facts = {}
    columns = "{" + ",".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in drawn_columns) + "}"
    queries = [ROWS.replace("$1", "'" + columns.replace("'", "''") + "'"), SEQUENCES, INVALID]
    for query in queries:
        facts.update({name: value for name, value in session.rows(query)})
    return State(dumped(dump_command), facts)


def dumped(command):
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: " + done.stderr.decode("utf-8", "replace"))
    text = NOISE.sub("", done.stdout.decode("utf-8", "surrogateescape"))
    return [item[1].strip() for item in Script(text, {}) if item[0] == "sql"]


def differences(first, second):
    """Pairs (mark, line): - is only in the first, + only in the second."""
    ours, theirs = first.lines(), second.lines()
    missing, extra = list(ours), list(theirs)
    for line in theirs:
        if line in missing:
            missing.remove(line)
            extra.remove(line)
    return [("-", line) for line in missing] + [("+", line) for line in extra]
