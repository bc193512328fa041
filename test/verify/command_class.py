"""The class that a statement is counted in: its command, and for ALTER the first thing it asks for."""
import re

TOKEN = re.compile(r"""\s+|--[^\n]*|/\*.*?\*/|(?P<quoted>"(?:[^"]|"")*")|(?P<word>[^\W\d][\w$]*)"""
                   r"""|(?P<string>'(?:[^']|'')*')|(?P<other>\d[\w.]*|::|.)""", re.S)

ALTERED = {"TABLE", "INDEX", "VIEW", "SEQUENCE", "TYPE", "DOMAIN"}
COLUMN_ACTIONS = [
    "SET DATA TYPE", "TYPE", "SET DEFAULT", "DROP DEFAULT", "SET NOT NULL", "DROP NOT NULL",
    "SET STATISTICS", "SET STORAGE", "SET COMPRESSION", "SET EXPRESSION", "DROP EXPRESSION",
    "ADD GENERATED", "DROP IDENTITY", "SET GENERATED", "RESTART", "SET (", "RESET ("]
TABLE_ACTIONS = [
    "DROP CONSTRAINT", "ALTER CONSTRAINT", "VALIDATE CONSTRAINT", "RENAME CONSTRAINT", "RENAME TO",
    "DISABLE TRIGGER", "ENABLE TRIGGER", "ENABLE REPLICA TRIGGER", "ENABLE ALWAYS TRIGGER",
    "DISABLE RULE", "ENABLE RULE", "ENABLE REPLICA RULE", "ENABLE ALWAYS RULE",
    "DISABLE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY",
    "NO FORCE ROW LEVEL SECURITY", "CLUSTER ON", "SET WITHOUT CLUSTER", "SET WITHOUT OIDS",
    "SET ACCESS METHOD", "SET TABLESPACE", "SET LOGGED", "SET UNLOGGED", "SET SCHEMA", "SET (",
    "RESET (", "NO INHERIT", "INHERIT", "NOT OF", "OF", "OWNER TO", "REPLICA IDENTITY",
    "ATTACH PARTITION", "DETACH PARTITION", "ADD VALUE", "RENAME VALUE", "RENAME ATTRIBUTE",
    "ADD ATTRIBUTE", "DROP ATTRIBUTE", "ALTER ATTRIBUTE", "SET DEFAULT", "DROP DEFAULT",
    "SET NOT NULL", "DROP NOT NULL", "OPTIONS"]
KEYS = {"CHECK": "CHECK", "UNIQUE": "UNIQUE", "PRIMARY": "PRIMARY KEY", "FOREIGN": "FOREIGN KEY",
        "EXCLUDE": "EXCLUDE", "NOT": "NOT NULL"}


def words_of(statement):
    """Upper case for words, so that a quoted name is never taken for one."""
    words = []
    for match in TOKEN.finditer(statement):
        if match.lastgroup == "word":
            words.append(match.group().upper())
        elif match.lastgroup == "quoted":
            words.append('"')
        elif match.lastgroup == "string":
            words.append("'")
        elif match.lastgroup == "other":
            words.append(match.group())
    return words


def class_of(statement, command):
    words = words_of(statement)
    if not command:
        # Nobody has said what it is: the first words must do.
        command = " ".join([word for word in words[:4] if word not in ("OR", "REPLACE")][:2])
    if words[:1] != ["ALTER"]:
        return command
    rest = after_name(words)
    return f"{command} {action_of(rest)}".strip() if rest else command


def after_name(words):
    at = 2 if words[1:2] in (["MATERIALIZED"], ["FOREIGN"]) else 1
    if not set(words[at:at + 1]) & ALTERED:
        return []
    at += 1
    if words[at:at + 3] == ["ALL", "IN", "TABLESPACE"]:
        return ["SET", "TABLESPACE"]
    if words[at:at + 2] == ["IF", "EXISTS"]:
        at += 2
    if words[at:at + 1] == ["ONLY"]:
        at += 1
    at += 1
    while words[at:at + 1] == ["."]:
        at += 2
    if words[at:at + 1] == ["*"]:
        at += 1
    return words[at:]


def starts(words, action):
    parts = action.split()
    return words[:len(parts)] == parts


def first_of(words):
    """Up to the comma before the next action."""
    depth = 0
    for i, word in enumerate(words):
        depth += (word in "([") - (word in ")]")
        if word == "," and depth == 0:
            return words[:i]
    return words


def action_of(words):
    words = first_of(words)
    for action in TABLE_ACTIONS:
        if starts(words, action):
            return action.replace("(", "parameter")
    if starts(words, "ADD"):
        return "ADD " + added(words[1:])
    if starts(words, "ALTER"):
        return "ALTER COLUMN " + column_action(words[1:])
    if starts(words, "DROP"):
        return "DROP COLUMN"
    if starts(words, "RENAME"):
        return "RENAME COLUMN"
    return words[0] if words else ""


def added(words):
    if words[:1] == ["CONSTRAINT"]:
        words = words[2:]
    if words[:1] == ["COLUMN"] or words[:1] != [] and words[0] not in KEYS:
        return "COLUMN"
    kind = KEYS.get(words[0], "") if words else ""
    if "USING" in words and "INDEX" in words[words.index("USING"):][1:2]:
        return kind + " USING INDEX"
    for i in range(len(words) - 1):
        if words[i:i + 2] == ["NOT", "VALID"]:
            return kind + " NOT VALID"
    return kind


def column_action(words):
    words = words[2:] if words[:1] == ["COLUMN"] else words[1:]
    for action in COLUMN_ACTIONS:
        if starts(words, action):
            return "TYPE" if action == "SET DATA TYPE" else action.replace("(", "option")
    return ""
