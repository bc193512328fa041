"""A session with a server over its unix socket: the simple query protocol and nothing else.

psql cannot tell a driver reliably where an answer ends and in which state the transaction is; the
protocol says both with every answer.
"""
import os
import socket
import struct
import time


class ConnectionLost(Exception):
    pass


class ServerError(Exception):
    def __init__(self, fields):
        super().__init__(fields.get("M", "unknown error"))
        self.sqlstate = fields.get("C", "XX000")
        self.message = fields.get("M", "")


class Server:
    """Where sessions go to."""

    def __init__(self, folder, port="5432", user="postgres"):
        self.path = os.path.join(folder, f".s.PGSQL.{port}")
        self.user = user

    def session(self, database, user=None):
        return Session(self.path, database, user or self.user)

    def run(self, sql, database="postgres"):
        session = self.session(database)
        try:
            return session.rows(sql)
        finally:
            session.close()

    def wait(self, seconds=60):
        """Until the server answers again, after a crash of one of its processes."""
        for _ in range(seconds * 10):
            try:
                self.run("SELECT 1")
                return
            except (ConnectionLost, ServerError, OSError):
                time.sleep(0.1)
        raise ConnectionLost("the server does not come back")

    def create_database(self, name, template="template1"):
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")


class Session:
    """`status` is I (idle), T (in a transaction block) or E (in a failed one)."""

    # Longer than any statement here takes; a statement that waits for ever must not stop the run.
    TIMEOUT = 180

    def __init__(self, path, database, user):
        self.buffer = b""
        self.status = "I"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(self.TIMEOUT)
        self.socket.connect(path)
        settings = {"user": user, "database": database, "client_encoding": "UTF8",
                    "application_name": "verify"}
        body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in settings.items())
        self._send(struct.pack("!ii", len(body) + 9, 196608) + body + b"\0")
        error = self._read_answer([], None)
        if error is not None:
            raise error

    def close(self):
        try:
            self.socket.sendall(b"X\0\0\0\4")
        except OSError:
            pass
        self.socket.close()

    def query(self, sql, copy_source=None):
        """The result sets, each a list of rows of texts, and the error or None."""
        text = sql.encode("utf-8", "surrogateescape").replace(b"\0", b"")
        self._send(b"Q" + struct.pack("!i", len(text) + 5) + text + b"\0")
        results = []
        error = self._read_answer(results, copy_source)
        return results, error

    def rows(self, sql):
        results, error = self.query(sql)
        if error is not None:
            raise error
        return results[-1][1] if results else []

    def _send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as problem:
            raise ConnectionLost(str(problem)) from problem

    def _take(self, count):
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(65536)
            except OSError as problem:
                raise ConnectionLost(str(problem)) from problem
            if not data:
                raise ConnectionLost("the server has closed the connection")
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _message(self):
        kind = self._take(1)
        (length,) = struct.unpack("!i", self._take(4))
        return kind, self._take(length - 4)

    def _read_answer(self, results, copy_source):
        error = None
        while True:
            kind, body = self._message()
            if kind == b"Z":
                self.status = body.decode()
                return error
            if kind == b"E":
                error = ServerError(error_fields(body))
                if error.sqlstate.startswith("57P"):
                    raise ConnectionLost(error.message)
                # Before the session stands, nothing follows.
                if error.sqlstate in ("28000", "3D000", "28P01"):
                    return error
            elif kind == b"T":
                results.append((column_names(body), []))
            elif kind == b"D":
                results[-1][1].append(row_values(body))
            elif kind == b"G":
                self._copy_in(copy_source)
            elif kind == b"R" and body[:4] != b"\0\0\0\0":
                raise ConnectionLost("the server wants a password")

    def _copy_in(self, copy_source):
        data = copy_source() if copy_source else ""
        raw = data.encode("utf-8", "surrogateescape")
        if raw:
            self._send(b"d" + struct.pack("!i", len(raw) + 4) + raw)
        self._send(b"c\0\0\0\4")


def error_fields(body):
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode("utf-8", "replace")
    return fields


def column_names(body):
    (count,) = struct.unpack("!h", body[:2])
    names, at = [], 2
    for _ in range(count):
        end = body.index(b"\0", at)
        names.append(body[at:end].decode("utf-8", "replace"))
        at = end + 19
    return names


def row_values(body):
    (count,) = struct.unpack("!h", body[:2])
    values, at = [], 2
    for _ in range(count):
        (length,) = struct.unpack("!i", body[at:at + 4])
        at += 4
        if length < 0:
            values.append(None)
        else:
            values.append(body[at:at + length].decode("utf-8", "surrogateescape"))
            at += length
    return values
