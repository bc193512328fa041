"""Reads a psql script as psql does: statements, its own commands, variables, COPY data."""
import re

PLAIN = re.compile(r"[^'\"$\-/;:()\\a-zA-Z_\u0080-\uffff]+")
WORD = re.compile(r"[^\W\d][\w$]*")
DOLLAR = re.compile(r"\$(?:[^\W\d]\w*)?\$")
VARIABLE = re.compile(r""":(?:'(?P<literal>\w+)'|"(?P<name>\w+)"|(?P<plain>\w+))""")
META = re.compile(r"\\(?P<name>[a-zA-Z_!?]+\+?|;)")
FIRST_WORDS = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\w+)", re.S)


def first_word(statement):
    match = FIRST_WORDS.match(statement)
    return match.group(1).upper() if match else ""


def quote_literal(value):
    return "'" + value.replace("'", "''") + "'"


def quote_name(value):
    return '"' + value.replace('"', '""') + '"'


class Script:
    """Iterates over ('sql', statement, line) and ('meta', name, arguments, buffer, line)."""

    def __init__(self, text, variables):
        self.text = text
        self.at = 0
        self.variables = variables
        self.standard_strings = True
        self.lines_cut = 0
        self.clear()

    def clear(self):
        self.buffer = []
        self.start = None
        self.parens = 0
        self.words = []
        self.body_depth = 0

    def line(self, at):
        return self.text.count("\n", 0, at) + self.lines_cut + 1

    def copy_data(self):
        """The lines after the current one, up to the end mark."""
        newline = self.text.find("\n", self.at)
        begin = len(self.text) if newline < 0 else newline + 1
        end = re.compile(r"^\\\.\r?$\n?", re.M).search(self.text, begin)
        if end is None:
            self.at = len(self.text)
            return self.text[begin:]
        # What stands behind the COPY in its own line is read after the data.
        self.lines_cut += self.text.count("\n", begin, end.end())
        self.text = self.text[:begin] + self.text[end.end():]
        return end.string[begin:end.start()]

    def __iter__(self):
        while self.at < len(self.text):
            found = self._step()
            if found is not None:
                yield found
        if "".join(self.buffer).strip():
            yield "sql", "".join(self.buffer), self.line(self.start or 0)

    def _take(self, end):
        piece = self.text[self.at:end]
        if self.start is None and piece.strip():
            self.start = self.at
        if self.start is not None:
            self.buffer.append(piece)
        self.at = end

    def _step(self):
        text, at = self.text, self.at
        char = text[at]
        plain = PLAIN.match(text, at)
        if plain:
            self._take(plain.end())
        elif char == "'":
            self._take(self._string_end(at))
        elif char == '"':
            self._take(self._closing(at, '"'))
        elif char == "$":
            self._dollar()
        elif text.startswith("--", at):
            self._comment(text.find("\n", at))
        elif text.startswith("/*", at):
            self._comment(self._comment_end(at))
        elif char == ":":
            self._colon()
        elif char == "\\":
            return self._meta()
        elif char == ";" and self.parens == 0 and self.body_depth == 0:
            return self._finish()
        elif char in "()":
            self.parens = max(0, self.parens + (1 if char == "(" else -1))
            self._take(at + 1)
        else:
            word = WORD.match(text, at)
            if word:
                self._word(word.group())
            self._take(word.end() if word else at + 1)
        return None

    def _comment(self, end):
        end = len(self.text) if end < 0 else end
        if self.start is None:
            self.at = end
        else:
            self._take(end)

    def _comment_end(self, at):
        depth = 0
        for match in re.compile(r"/\*|\*/").finditer(self.text, at):
            depth += 1 if match.group() == "/*" else -1
            if depth == 0:
                return match.end()
        return -1

    def _closing(self, at, quote, escapes=False):
        i = at + 1
        while i < len(self.text):
            if escapes and self.text[i] == "\\":
                i += 2
            elif self.text[i] == quote:
                if self.text[i + 1:i + 2] != quote:
                    return i + 1
                i += 2
            else:
                i += 1
        return len(self.text)

    def _string_end(self, at):
        before = self.text[at - 1:at]
        escapes = before in ("e", "E") and not self.text[at - 2:at - 1].isalnum()
        return self._closing(at, "'", escapes or not self.standard_strings)

    def _dollar(self):
        opening = DOLLAR.match(self.text, self.at)
        if opening is None:
            self._take(self.at + 1)
            return
        end = self.text.find(opening.group(), opening.end())
        self._take(len(self.text) if end < 0 else end + len(opening.group()))

    def _colon(self):
        if self.text.startswith("::", self.at):
            self._take(self.at + 2)
            return
        match = VARIABLE.match(self.text, self.at)
        value = self._value(match) if match else None
        if value is None:
            self._take(self.at + 1)
            return
        if self.start is None:
            self.start = self.at
        # The value is read as part of the script, because a variable may hold SQL; a quoted one is closed.
        if match.lastgroup == "plain":
            self.text = self.text[:self.at] + value + self.text[match.end():]
            self._take(self.at + len(value))
        else:
            self.buffer.append(value)
            self.at = match.end()

    def _value(self, match):
        value = self.variables.get(match.group(match.lastgroup))
        if value is None or match.lastgroup == "plain":
            return value
        return quote_literal(value) if match.lastgroup == "literal" else quote_name(value)

    # As in psql: inside CREATE FUNCTION and CREATE PROCEDURE, a body that begins with BEGIN ATOMIC.
    def _word(self, word):
        upper = word.upper()
        self.words.append(upper)
        head = [w for w in self.words[:4] if w not in ("OR", "REPLACE")]
        if head[:1] != ["CREATE"] or head[1:2] not in (["FUNCTION"], ["PROCEDURE"]) or self.parens:
            return
        if upper == "BEGIN" or (upper == "CASE" and self.body_depth):
            self.body_depth += 1
        elif upper == "END" and self.body_depth:
            self.body_depth -= 1

    def _finish(self):
        # With the semicolon, as psql sends it.
        statement, start = "".join(self.buffer) + ";", self.start
        self.at += 1
        self.clear()
        return ("sql", statement, self.line(start)) if start is not None else None

    def _meta(self):
        match = META.match(self.text, self.at)
        if match is None:
            self.at += 2
            return None
        name = match.group("name")
        if name == ";":
            self.at = match.end()
            self.buffer.append(";")
            return None
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        arguments = self.text[match.end():end]
        separator = arguments.find("\\\\")
        if separator >= 0:
            arguments, end = arguments[:separator], match.end() + separator + 2
        line, self.at = self.line(self.at), end
        buffer = "".join(self.buffer)
        if name in ("g", "gx", "gset", "gexec", "gdesc", "crosstabview", "watch", "r", "bind", "parse"):
            self.clear()
        return "meta", name, self.arguments(arguments), buffer, line

    def arguments(self, text):
        parts = []
        for match in re.finditer(r"""(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"])*"|[^\s'"])+""", text):
            parts.append(self._argument(match.group()))
        return parts

    def _argument(self, text):
        out, at = [], 0
        while at < len(text):
            variable = VARIABLE.match(text, at)
            value = self._value(variable) if variable else None
            if value is not None:
                out.append(value)
                at = variable.end()
            elif text[at] == "'":
                end = self._end_of_quoted(text, at)
                out.append(text[at + 1:end - 1].replace("''", "'").replace("\\'", "'"))
                at = end
            else:
                out.append(text[at])
                at += 1
        return "".join(out)

    @staticmethod
    def _end_of_quoted(text, at):
        match = re.compile(r"'(?:[^'\\]|\\.|'')*'").match(text, at)
        return match.end() if match else len(text)
