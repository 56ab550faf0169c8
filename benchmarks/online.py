"""Who is online of a million users: memory, the slowest command, and how long it takes to report and to ask.

    POSTGRESQL_URL=... python -m benchmarks online [--users 1000000] [--rounds 20]

The users have reported in the last ten minutes, evenly and in random order. Memory is what the server uses more than
before, for users known by numbers, and by names of 40 bytes that a flush has written to the database. A report is
compared with a bare ZADD into a sorted set of as many, in turn; the rest is of those known by numbers. The slowest
command is that of SLOWLOG, which is the time that passed: what else the machine does is in there.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from .environment import execute, postgresql_and_valkey
from .measure import repeat, take_turns

USERS = """
INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, date_joined, first_name, last_name, email)
SELECT n::text, '!', false, false, true, now(), '', '', '' FROM generate_series(1, %s) n
"""

#: Seconds of the reports, and how many reports are sent at a time.
WINDOW, AT_ONCE = 600, 1000

#: Bytes a user at most: known by a number, by a name.
MOST_BYTES = {"numbers": 8, "names of 40 bytes": 16}
#: Times a bare ZADD, and milliseconds of a command, at most.
MOST_TIMES, MOST_MILLISECONDS = 1.5, 2.0

REPORTS, CALLS = 500, 100


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    return parser.parse_args()


def fill(names: list[str], now: int) -> None:
    """Reports of the last ten minutes, by the script that makes each one."""
    from notifications_counter.contrib.online import members
    from notifications_counter.contrib.online.layouts import layout
    from notifications_counter.contrib.online.layouts.redis_server import script

    server: Any = layout().server  # type: ignore[attr-defined]
    text, digest = script("report")
    server.redis.client.script_load(text)
    for start in range(0, len(names), AT_ONCE):
        pipeline = server.redis.client.pipeline(transaction=False)
        for place, name in enumerate(names[start : start + AT_ONCE], start):
            at = now - WINDOW + 1 + place * WINDOW // len(names)
            shard, field = members.place_of(members.number_of(name))
            pipeline.evalsha(digest, 1, server.base, at, WINDOW, shard, field, "", "u:")
        pipeline.execute()


def used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


def bytes_each(client: Any, users: int) -> Iterator[tuple[str, float]]:
    """The memory of each kind of users; those known by numbers are there at the end."""
    for kind, name in (("names of 40 bytes", "name-{}".format), ("numbers", str)):
        client.flushdb(asynchronous=False)
        names = [name(place).ljust(40, "x") if kind != "numbers" else name(place) for place in range(1, users + 1)]
        random.Random(1).shuffle(names)
        before = used(client)
        fill(names, int(time.time()))
        yield kind, (used(client) - before) / users


def times_of_reports(client: Any, users: int, rounds: int) -> list[list[float]]:
    """Seconds of a report, and of a ZADD into a sorted set of as many."""
    from notifications_counter.contrib.online import report_user

    chance = random.Random(2)
    for start in range(1, users + 1, AT_ONCE):
        client.zadd("bare", {str(place): 1.0 for place in range(start, min(start + AT_ONCE, users + 1))})
    client.slowlog_reset()

    def report() -> float:
        names = iter([str(chance.randint(1, users)) for _ in range(REPORTS)])
        return repeat(lambda: report_user(next(names)), REPORTS) / REPORTS

    def add() -> float:
        names = iter([str(chance.randint(1, users)) for _ in range(REPORTS)])
        return repeat(lambda: client.zadd("bare", {next(names): time.time()}), REPORTS) / REPORTS

    try:
        return take_turns(rounds, report, add)
    finally:
        client.unlink("bare")


def seconds_of(call: Callable[[], object], number: int) -> list[float]:
    call()
    return [repeat(call, 1) for _ in range(number)]


def questions(users: int) -> dict[str, Callable[[], object]]:
    from notifications_counter.contrib.online import is_online_many, number_online, users_online

    chance = random.Random(3)
    friends = [str(chance.randint(1, users)) for _ in range(200)]
    middle = users_online()
    for _ in range(20):
        middle = users_online(after=middle.following)
    return {
        "users_online(), 50 of them": users_online,
        "the same, 1,000 further": lambda: users_online(after=middle.following),
        "is_online_many() of 200": lambda: is_online_many(friends),
        "number_online()": number_online,
    }


def slowest(client: Any) -> tuple[float, int]:
    """Milliseconds of the slowest command since the last reset, and how many took too long."""
    found = [entry["duration"] / 1000 for entry in client.slowlog_get(100_000)]
    client.slowlog_reset()
    return max(found, default=0.0), sum(each > MOST_MILLISECONDS for each in found)


def measure(client: Any, options: argparse.Namespace) -> None:
    client.config_set("slowlog-log-slower-than", -1)  # it takes memory itself
    for kind, size in bytes_each(client, options.users):
        print(f"bytes a user, known by {kind:<20}{size:>10.2f}   at most {MOST_BYTES[kind]}", flush=True)
    client.config_set("slowlog-max-len", 100_000)
    client.config_set("slowlog-log-slower-than", 100)
    ours, theirs = times_of_reports(client, options.users, options.rounds)
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    medians = [1e6 * statistics.median(each) for each in (ours, theirs)]
    print(f"a report: {medians[0]:.0f} us, a bare ZADD: {medians[1]:.0f} us{ratio:>16.2f}   at most {MOST_TIMES}")
    worst, over = slowest(client)
    print(f"    slowest of its commands{worst:>23.2f} ms   {over} of {options.rounds * REPORTS} above 2 ms\n")
    print(f"{'':<30}{'median':>10}{'p99':>10}{'slowest command':>20}")
    number = CALLS * options.rounds // 10
    for what, call in questions(options.users).items():
        client.slowlog_reset()
        took = sorted(1000 * each for each in seconds_of(call, number))
        worst, over = slowest(client)
        middle, p99 = statistics.median(took), took[int(0.99 * len(took))]
        print(f"{what:<30}{middle:>7.2f} ms{p99:>7.2f} ms{worst:>17.2f} ms   {over} of {number} above 2 ms", flush=True)


def main() -> None:
    options = arguments()
    with postgresql_and_valkey(settings="tests.apps_settings"):
        from notifications_counter.contrib.online.layouts import layout

        client = layout().server.redis.client  # type: ignore[attr-defined]
        execute(USERS, options.users)
        execute("VACUUM ANALYZE auth_user")
        print(f"{options.users:,} users online\n", flush=True)
        measure(client, options)


if __name__ == "__main__":
    main()
