"""How the tables grow that flushes change again and again, and how fast flushes are then, with storage parameters.

    POSTGRESQL_URL=... python -m benchmarks.bloat [--long] [--json FILE]

Each flush changes the counts of all users. The table is vacuumed after each flush, as autovacuum does on a site that
flushes once a minute; or there is no vacuum but what the server's own autovacuum comes to do, while flushes follow each
other without a pause. Sizes are those at the end, beside those of the new table.

The server must have nothing else to do at all: a transaction that writes keeps old versions of rows from being cleared
away in every database of its server, for as long as it is open.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .environment import execute, make_count_rows, postgresql_and_valkey, start_anew, table
from .flush_rows import FILL
from .memory import buffer
from .report import conditions, line_up, parser, rounded, size

PARAMETERS = ("fillfactor", "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_cost_delay")
EAGER = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0"

#: After each flush, or when the server's own autovacuum comes by.
VACUUMS = EACH, AUTO = "each flush", "autovacuum"

SIZES = "SELECT pg_relation_size(%s), pg_indexes_size(%s)"
UPDATES = "SELECT n_tup_hot_upd, n_tup_upd, autovacuum_count FROM pg_stat_user_tables WHERE relname = %s"


@dataclass(frozen=True)
class Case:
    """A table, and how it is kept and vacuumed in each run."""

    what: str
    count_model: Any
    model: Any
    users: int
    fill: Callable[[int], object]
    runs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Bloat:
    """What became of one table.

    Attributes:
        what, parameters, vacuum: which table, how it is kept, and when it is vacuumed.
        users, flushes: how many flushes of how many users.
        new, end: bytes of the table, and of its indexes, when it was new and at the end.
        in_page: the part of the updates that found room in the row's own page; None where rows are only deleted.
        first, last: the median of users a second, in the first fifth of the flushes and in the last.
        slowest, fastest: of all flushes.
        autovacuums: how often the server's own came by.
    """

    what: str
    parameters: str
    vacuum: str
    users: int
    flushes: int
    new: tuple[int, int]
    end: tuple[int, int]
    in_page: float | None
    first: float
    last: float
    slowest: float
    fastest: float
    autovacuums: int


def cases(users: int) -> list[Case]:
    from notifications_counter.ledger.tables import Delta
    from notifications_counter.models import UserNotificationsCount

    from .models import InRowsCount

    counts = tuple((f"fillfactor = {percent}", vacuum) for vacuum in VACUUMS for percent in (100, 50))
    deltas = ("fillfactor = 100", EACH), ("fillfactor = 100", AUTO), (EAGER, AUTO)
    return [
        Case("the counts", UserNotificationsCount, UserNotificationsCount, users, buffer, counts),
        Case("the deltas that wait", InRowsCount, Delta, users // 2, leave, deltas),
    ]


def leave(users: int) -> None:
    """Let one delta of each user wait in the database."""
    from .models import InRowsCount

    execute(FILL, InRowsCount.counter.label, 1)


def measure(users: int, flushes: int) -> Iterator[Bloat]:
    for case in cases(users):
        for parameters, vacuum in case.runs:
            yield bloated(case, parameters, vacuum, flushes)


def bloated(case: Case, parameters: str, vacuum: str, flushes: int) -> Bloat:
    name, users = table(case.model), case.users
    start_anew(users)
    execute(f"ALTER TABLE {name} RESET ({', '.join(PARAMETERS)})")
    execute(f"ALTER TABLE {name} SET ({parameters})")
    make_count_rows(case.count_model)
    case.fill(users)
    new, before, rates = row(SIZES, name, name), row(UPDATES, name), []
    for _ in range(flushes):
        rates.append(flush(case.count_model, users))
        if vacuum == EACH:
            execute(f"VACUUM {name}")
        case.fill(users)
    in_page, updated, autovacuums = (now - then for now, then in zip(settled(name), before, strict=True))
    fifth = max(1, flushes // 5)
    return Bloat(
        *(case.what, parameters, vacuum, users, flushes, new, row(SIZES, name, name)),
        in_page / updated if updated else None,
        *(statistics.median(rates[:fifth]), statistics.median(rates[-fifth:]), min(rates), max(rates), autovacuums),
    )


def settled(name: str) -> tuple[int, ...]:
    """The numbers of the server, once it has heard of everything."""
    execute("SELECT pg_stat_force_next_flush()")
    return row(UPDATES, name)


def flush(model: Any, users: int) -> float:
    flushed = model.counter.flush()
    assert flushed.ok and flushed.amount == users, flushed
    return users / float(flushed.seconds)


def row(sql: str, *parameters: Any) -> tuple[int, ...]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return tuple(cursor.fetchone())


HEAD = ("table", "parameters", "vacuum", "new", "end", "index new", "end", "in page", "users/s first", "last", "spread")


def show(found: list[Bloat]) -> None:
    line_up([HEAD, *map(line, found)], "<<<" + ">" * 8)


def line(each: Bloat) -> tuple[str, ...]:
    pairs = zip(each.new, each.end, strict=True)
    sizes = (size(number) for pair in pairs for number in pair)
    vacuum = each.vacuum if each.vacuum == EACH else f"{each.vacuum} ({each.autovacuums})"
    in_page = "" if each.in_page is None else f"{each.in_page:.0%}"
    spread = f"{rounded(each.slowest)} to {rounded(each.fastest)}"
    return each.what, each.parameters, vacuum, *sizes, in_page, rounded(each.first), rounded(each.last), spread


def write(file: Path, about: dict[str, Any], found: list[Bloat]) -> None:
    file.write_text(json.dumps({**about, "tables": [asdict(each) for each in found]}, indent=1) + "\n")


def main() -> None:
    options = parser(__doc__).parse_args()
    users, flushes = (100_000, 100) if options.long else (20_000, 10)
    found: list[Bloat] = []
    try:
        with postgresql_and_valkey():
            about = conditions(options.long)
            for each in measure(users, flushes):
                found.append(each)
                if options.json:
                    write(options.json, about, found)
    finally:
        show(found)


if __name__ == "__main__":
    main()
