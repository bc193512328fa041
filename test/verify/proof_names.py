"""Gives the objects of an example other names, so that nobody can rely on plain ones."""
import re

TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[A-Za-z_]\w*)?\$).*?\1"""
    r"""|[A-Za-z_][\w$]*|\s+|::|.""", re.S)

# Every kind of character that quoting, a dollar quote, a comment or a format string could trip over.
ODD = '{word} Or"d \'x\' \\ $sync$$backfill$\n;-- %I é'

# Names behind these words cannot be qualified.
BARE = {"CONSTRAINT", "COLUMN", "TO", "AS", "TRIGGER", "POLICY", "RULE"}


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def odd_name(word):
    return ODD.format(word=word)


def long_name(word):
    return word + "_" + "x" * (62 - len(word))


def tokens_of(sql):
    return [match.group() for match in TOKEN.finditer(sql)]


def words_of(sql):
    """Lower case, as the server sees them; also those in the bodies of functions."""
    found = set()
    for token in tokens_of(sql):
        if re.match(r"[A-Za-z_]", token):
            found.add(token.lower())
        elif token.startswith('"'):
            found.add(token[1:-1].replace('""', '"'))
        elif token.startswith("$") and len(token) > 1:
            found |= words_of(dollar_body(token)[1])
    return found


def dollar_body(token):
    mark = token[:token.index("$", 1) + 1]
    return mark, token[len(mark):-len(mark)]


def renamed(sql, names):
    """`names`: old name to new, both raw."""
    return "".join(renamed_token(token, names, dollar_mark="$renamed$") for token in tokens_of(sql))


def renamed_token(token, names, dollar_mark):
    if re.match(r"[A-Za-z_]", token):
        new = names.get(token.lower())
        return token if new is None else quote(new)
    if token.startswith('"'):
        new = names.get(token[1:-1].replace('""', '"'))
        return token if new is None else quote(new)
    if token.startswith("'") and token[1:-1] in names:
        return "'" + quote(names[token[1:-1]]).replace("'", "''") + "'"
    if re.match(r"\$(?:[A-Za-z_]\w*)?\$", token):
        mark, body = dollar_body(token)
        changed = renamed(body, names)
        return token if changed == body else dollar_mark + changed + dollar_mark
    return token


def qualified(sql, objects, schema):
    """Puts the schema in front of each name of `objects` that stands alone."""
    result, before = [], ["", ""]
    for token in tokens_of(sql):
        name = token.strip('"') if token.startswith('"') else token.lower()
        if name in objects and before[1] != "." and may_be_qualified(before):
            token = f"{quote(schema)}.{token}"
        elif token.startswith("'") and token[1:-1] in objects:
            token = f"'{quote(schema)}.{token[1:-1]}'"
        elif token.startswith("$") and len(token) > 1:
            mark, body = dollar_body(token)
            token = mark + qualified(body, objects, schema) + mark
        result.append(token)
        if not token.isspace():
            before = [before[1], token.upper()]
    return "".join(result)


def may_be_qualified(before):
    return before[1] not in BARE and before not in (["USING", "INDEX"], ["CLUSTER", "ON"])
