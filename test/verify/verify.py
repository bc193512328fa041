#!/usr/bin/env python3
"""Runs predictions and traces side by side on a running server; started by test/run/verify."""
import argparse
import importlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import wire  # noqa: E402

SOURCES = ("matrix", "suite", "generated", "proof", "squawk")
BY_DEFAULT = SOURCES[:4]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", required=True, help="folder of the server's socket")
    parser.add_argument("--port", default="5432")
    parser.add_argument("--user", default="postgres")
    parser.add_argument("--only", default="", help="of: " + " ".join(SOURCES))
    parser.add_argument("--files", default="", help="files of the regression tests; rules to prove")
    parser.add_argument("--pg-dump", default="pg_dump", help="that of the server's version")
    parser.add_argument("--regress-folder", help="src/test/regress of PostgreSQL's sources")
    parser.add_argument("--regress-library", default="", help="folder with regress.so")
    parser.add_argument("--squawk", help="squawk's program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--out", help="folder for the disagreements as JSON lines")
    options = parser.parse_args()
    options.only = options.only.split() or list(BY_DEFAULT)
    options.files = options.files.split()
    options.progress = progress
    wrong = [name for name in options.only if name not in SOURCES]
    if wrong:
        parser.error("there is no source " + " ".join(wrong))
    return options


def progress(text):
    if sys.stderr.isatty() or os.environ.get("VERIFY_PROGRESS"):
        print("  " + text, file=sys.stderr, flush=True)


def run(options):
    server = wire.Server(options.socket, options.port, options.user)
    sources = []
    for name in SOURCES:
        if name in options.only:
            sources += importlib.import_module(name).run(server, options)
    return sources


def main():
    options = arguments()
    if options.out:
        os.makedirs(options.out, exist_ok=True)
    sources = run(options)
    for source in sources:
        print()
        print("\n".join(source.table()))
    print()
    for source in sources:
        for line in source.details(None if options.all else options.limit):
            print(line)
    if options.out:
        write_records(options.out, sources)
    return conclusion(sources)


def write_records(folder, sources):
    with open(os.path.join(folder, "disagreements.jsonl"), "w", encoding="utf-8",
              errors="backslashreplace") as file:
        for source in sources:
            for record in source.records():
                file.write(record + "\n")


def conclusion(sources):
    passed = sum(source.total.agree for source in sources)
    failed = sum(source.total.statements - source.total.agree for source in sources)
    print()
    for source in sources:
        if not source.holds:
            print(f"FAILED {source.name}: {source.demand}")
    print(f"{passed} passed, {failed} failed")
    return 0 if all(source.holds for source in sources) else 1


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
