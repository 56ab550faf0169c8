"""How each cost grows with the number of users.

    POSTGRESQL_URL=... python -m benchmarks.growth [--users 10000 100000 1000000] [--json FILE [--go-on]]
    python -m benchmarks.growth --plot FILE

Each user has a notification, a stored count, a cached total, and a change that waits, in each buffer; a hundred of them
have a hundred notifications more. Reads and writes are those of users at random; flushes apply what waits of all of
them, in a process of their own. At the end stands each cost at each size, and its slope: the power of the number of
users with which it grows, so that 0 is "not at all". Needs Linux, and 1 kB of disk and 300 bytes of memory a user.

What is measured is written to FILE as it comes, and --go-on measures only the sizes that FILE has not. --plot draws it,
beside FILE, and measures nothing.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from .environment import clean, execute, make_count_rows, postgresql_and_valkey, redis_client, start_anew, table
from .flush_rows import FILL
from .measure import per_call, take_turns
from .memory import AT_ONCE, peak
from .redis_memory import SECONDS, used
from .report import conditions
from .sizes import show

#: A cost, what it is counted in, and what each round gave.
Cost = tuple[str, str, list[float]]

MANY = 100  # users with so many notifications more
ROUNDS = 31
#: Of a flush: as many rounds as begin in so many seconds, at most so many.
FLUSH_SECONDS, FLUSH_ROUNDS = 60, 5
TEXT = "Your parcel has arrived"

NOTIFICATIONS = """
INSERT INTO {table} (user_id, text, kind, url, has_read, created_at)
SELECT id, 'Parcel number ' || place || ' has arrived', '', '/parcels/' || place, false, now() FROM (
    SELECT n AS id, n::float AS place FROM generate_series(1, %(users)s) n
    UNION ALL
    SELECT u.id, n * %(users)s::float / %(many)s FROM unnest(%(chosen)s::int[]) u(id), generate_series(1, %(many)s) n
) all_of_them ORDER BY place
"""


def costs(users: int) -> Iterator[Cost]:
    """Everything that is measured at one size."""
    chosen = random.Random(users).sample(range(1, users + 1), min(users, 10_000))
    prepare(users, chosen[:MANY])
    yield from redis_bytes(users, chosen[:MANY])
    yield from reads(chosen)
    yield from writes(chosen)
    yield from flushes(users, chosen)


def prepare(users: int, many: list[int]) -> None:
    from notifications_counter.ledger.tables import Delta
    from notifications_counter.models import Notification, UserNotificationsCount

    from .models import InRows, InRowsCount

    start_anew(users)
    for model, counts in (Notification, UserNotificationsCount), (InRows, InRowsCount):
        with without_foreign_keys(table(model)):
            execute_named(NOTIFICATIONS.format(table=table(model)), users=users, many=MANY, chosen=many)
        make_count_rows(counts)
        execute(f"UPDATE {table(counts)} SET unread_count = %s WHERE user_id = ANY(%s)", MANY, many)
        execute(f"ANALYZE {table(model)}")
    execute(FILL, InRowsCount.counter.label, 1)
    execute(f"VACUUM ANALYZE {table(Delta)}")
    execute("CHECKPOINT")


@contextmanager
def without_foreign_keys(table: str) -> Iterator[None]:
    """So that they are looked at once, at the end, and not for each row."""
    keys = fetched(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass",
        [table],
    )
    for name, _ in keys:
        execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for name, definition in keys:
        execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def execute_named(sql: str, **parameters: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def fetched(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


# Memory of Redis


def redis_bytes(users: int, many: list[int]) -> Iterator[Cost]:
    before = used(redis_client())
    wait(users)
    waiting = used(redis_client())
    cache(users, many)
    cached = used(redis_client())
    yield "Redis, a change that waits", "bytes", [(waiting - before) / users]
    yield "Redis, a cached value", "bytes", [(cached - waiting) / users]


def wait(users: int) -> None:
    """As if each user had one more notification."""
    for_each(users, "redis.call('ZADD', KEYS[1] .. ':pending', 1, n)")


def cache(users: int, many: list[int]) -> None:
    """As if each user's value had been read."""
    for_each(users, f"redis.call('SET', KEYS[1] .. ':total:' .. n, 1, 'EX', {SECONDS})")
    for user in many:
        redis_client().set(f"{base()}:total:{user}", MANY + 1, ex=SECONDS)


def for_each(users: int, command: str) -> None:
    """Written by the server itself, because the way there is not measured here."""
    script = redis_client().register_script(f"for n = ARGV[1], ARGV[2] do {command} end")
    for start in range(1, users + 1, AT_ONCE):
        script([base()], [start, min(start + AT_ONCE - 1, users)])


def base() -> str:
    from notifications_counter.buffers import buffers
    from notifications_counter.models import UserNotificationsCount

    return str(buffers["default"].shards.base(UserNotificationsCount.counter.store(), 0))  # type: ignore[attr-defined]


# Reads and writes


def reads(chosen: list[int]) -> Iterator[Cost]:
    from notifications_counter.models import UserNotificationsCount

    from .models import InRowsCount

    for user in chosen[:: MANY - 1]:
        assert UserNotificationsCount.counter.value(user) == InRowsCount.counter.value(user) == count(user)
    yield from in_turn(
        {
            "read, cached in Redis": calls(UserNotificationsCount.counter.value, chosen),
            "read, database buffer": calls(InRowsCount.counter.value, chosen),
            f"read, .count() of {MANY + 1}": calls(count, chosen[:MANY]),
        }
    )


def count(user: int) -> int:
    from notifications_counter.models import Notification

    return int(Notification.objects.filter(user_id=user, has_read=False).count())


def writes(chosen: list[int]) -> Iterator[Cost]:
    from notifications_counter.models import Notification

    from .models import InRows

    def create(model: Any) -> Callable[[int], object]:
        return lambda user: model.objects.create(user_id=user, text=TEXT)

    yield from in_turn(
        {
            "create, Redis": calls(create(Notification), chosen),
            "create, database buffer": calls(create(InRows), chosen),
        }
    )


def calls(function: Callable[[int], object], users: list[int]) -> Callable[[], object]:
    """A call for the next of the users, again and again."""
    following = cycle(users)
    return lambda: function(next(following))


def in_turn(named: dict[str, Callable[[], object]]) -> Iterator[Cost]:
    measured = take_turns(ROUNDS, *(per_call(call, 0.03) for call in named.values()))
    for name, results in zip(named, measured, strict=True):
        yield name, "seconds", results


# Flushes


def flushes(users: int, chosen: list[int]) -> Iterator[Cost]:
    from notifications_counter.ledger.tables import Delta
    from notifications_counter.models import Notification, UserNotificationsCount

    from .models import InRows, InRowsCount

    def leave(users: int) -> None:
        execute(FILL, InRowsCount.counter.label, 1)

    for name, counts, model, fill in (
        ("Redis", UserNotificationsCount, Notification, wait),
        ("database buffer", InRowsCount, InRows, leave),
    ):
        clean(table(counts))
        started = time.monotonic()
        rounds = [flush_elsewhere(counts, users)]
        assert_exact(counts, model, chosen)
        while len(rounds) < FLUSH_ROUNDS and time.monotonic() - started < FLUSH_SECONDS:
            fill(users)
            for each in (counts, Delta):
                clean(table(each))
            rounds.append(flush_elsewhere(counts, users))
        took, peaks = zip(*rounds, strict=True)
        yield f"flush, {name}, of a user", "seconds", [one / users for one in took]
        yield f"flush, {name}, peak of the process", "bytes", list(peaks)


def flush_elsewhere(counts: Any, users: int) -> tuple[float, float]:
    """How many seconds a fresh process flushed, and how many bytes it had at its peak."""
    command = [sys.executable, "-m", "benchmarks.growth", "--flush", counts.__name__]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    keys, took, most = map(float, done.stdout.split())
    assert keys == users, f"{keys:,} keys were flushed, not {users:,}"
    return took, most


def flush_here(name: str) -> None:
    import django

    django.setup()
    from notifications_counter.counters import counters

    (counter,) = (counter for counter in counters() if counter.model.__name__ == name)
    counter.values([1])  # connects
    flushed = counter.flush()
    assert flushed.ok, flushed
    print(flushed.keys, flushed.seconds, peak())


def assert_exact(counts: Any, model: Any, users: list[int]) -> None:
    from django.db.models import Count

    rows = model.objects.filter(user__in=users, has_read=False)
    assert dict(counts.objects.filter(pk__in=users).values_list("pk", "unread_count")) == dict(
        rows.values_list("user_id").annotate(Count("pk"))
    ), f"the stored counts of {table(counts)} are not those of the rows"


# What is written and shown


def run(sizes: list[int], file: Path | None, go_on: bool) -> None:
    found: dict[str, Any] = {"sizes": json.loads(file.read_text())["sizes"] if file and go_on else []}
    known = {each["users"] for each in found["sizes"]}
    try:
        with postgresql_and_valkey():
            found = {**conditions(True), **found}
            for users in sorted(set(sizes) - known):
                measure(users, found, file)
    finally:
        show(found["sizes"])


def measure(users: int, found: dict[str, Any], file: Path | None) -> None:
    at_size: dict[str, Any] = {"users": users, "costs": {}}
    found["sizes"].append(at_size)
    started = time.monotonic()
    for name, unit, values in costs(users):
        summary = {"median": median(values), "low": min(values), "high": max(values), "rounds": len(values)}
        at_size["costs"][name] = {"unit": unit, **summary}
        print(f"{users:,}: {name} ({time.monotonic() - started:.0f} s)", file=sys.stderr)
        if file:
            file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, nargs="+", default=[1_000, 10_000, 100_000], metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--go-on", action="store_true", help="with the sizes that FILE has not")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what FILE has")
    parser.add_argument("--flush", help="(of the processes that it starts)")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if options.flush:
        flush_here(options.flush)
    elif options.plot:
        from .plots import draw

        draw(options.plot)
    else:
        run(options.users, options.json, options.go_on)


if __name__ == "__main__":
    main()
