"""Pruning half of a large table while the site writes.

    POSTGRESQL_URL=... python -m benchmarks prune [--long] [--rows 300000] [--keep 20] [--writers 2]

Prints how many notifications a second `manage.py notification_prune` deletes, beside one bare DELETE of the same rows
from a copy of the table that nothing counts, its longest statements, and how many values are wrong: of some users
again and again meanwhile, and of all users at the end. With --long the table has 10,000,000 rows. Every user has 100.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .environment import USERS, execute, postgresql_and_valkey, table
from .report import rounded

EACH, DAYS = 100, 180

#: Each user's are spread evenly over half a year, one older than the other, as they come in.
NOTIFICATIONS = """
INSERT INTO notifications_counter_notification (user_id, text, kind, url, has_read, seen, data, created_at)
SELECT u.id, 'Parcel number ' || n || ' has arrived', 'parcel', '/parcels/' || n, n %% 3 > 0, n %% 3 > 0, '{}',
       now() - (%s - n) * interval '1 day' * %s / %s
FROM generate_series(1, %s) n, auth_user u ORDER BY n, u.id
"""
WRONG = """
SELECT count(*) FROM auth_user u
LEFT JOIN notifications_counter_usernotificationscount c ON c.user_id = u.id
LEFT JOIN (SELECT key::bigint AS id, sum(amount) AS n FROM notifications_counter_delta
           WHERE counter = %s AND key = ANY(%s) GROUP BY key) d ON d.id = u.id
LEFT JOIN (SELECT user_id, count(*) AS n FROM notifications_counter_notification
           WHERE NOT has_read AND user_id BETWEEN %s AND %s GROUP BY user_id) t ON t.user_id = u.id
WHERE u.id BETWEEN %s AND %s AND coalesce(c.unread_count, 0) + coalesce(d.n, 0) <> coalesce(t.n, 0)
"""
#: How many users' values are compared at a time while the prune runs.
COMPARED = 50


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="10,000,000 rows")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--keep", type=int, default=20, help="of each user's newest; all are among the young half")
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--part", choices=["prune", "write"], help=argparse.SUPPRESS)
    parser.add_argument("--end", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.rows = 10_000_000 if options.long else options.rows
    return options


def wrong(first: int, last: int) -> int:
    from django.db import connection

    from notifications_counter.models import UserNotificationsCount

    with connection.cursor() as cursor:
        keys = list(map(str, range(first, last + 1)))
        cursor.execute(WRONG, [UserNotificationsCount.counter.label, keys, first, last, first, last])
        return int(cursor.fetchone()[0])


def write(end: Path, users: int) -> dict[str, int]:
    """Change notifications and compare the values of some users, until a file is there."""
    from notifications_counter.controller import NotificationController
    from notifications_counter.models import Notification

    done = {"changes": 0, "compared": 0, "wrong": 0}
    while not end.exists():
        user = random.randrange(1, users + 1)
        some = random.random()
        if some < 0.6:
            Notification.objects.create(user_id=user, text="meanwhile", kind="parcel")
        elif some < 0.8:
            NotificationController(user).mark_all_as_read()
        else:
            Notification.objects.of(user).filter(pk__in=Notification.objects.of(user)[:3]).mark_as_unread()
        done["changes"] += 1
        if done["changes"] % 50 == 0:
            first = random.randrange(1, users)
            done["wrong"] += wrong(first, first + COMPARED)
            done["compared"] += COMPARED
        time.sleep(0.005)
    return done


class Stopwatch:
    """How long the statements of a connection took."""

    def __init__(self) -> None:
        self.took: list[tuple[float, str]] = []

    def __call__(self, execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, parameters, many, context)
        finally:
            self.took.append((time.perf_counter() - started, sql[:60]))


def pruned(options: argparse.Namespace) -> dict[str, Any]:
    """Run the very command, in this process of its own, and watch its statements."""
    from django.core.management import call_command
    from django.db import connection

    stopwatch, started = Stopwatch(), time.perf_counter()
    with connection.execute_wrapper(stopwatch):
        call_command(
            "notification_prune",
            older_than=f"{DAYS // 2}d",
            keep=options.keep,
            read_only=options.read_only,
            verbosity=2,
            stdout=sys.stderr,
        )
    seconds = time.perf_counter() - started
    took = sorted(stopwatch.took, reverse=True)
    kinds: dict[str, float] = {}
    for each, sql in took:
        kinds.setdefault(sql, each)
    return {
        "seconds": seconds,
        "statements": len(took),
        "over": sum(each > 0.1 for each, _ in took),
        "rare": took[len(took) // 1000][0],
        "longest": sorted(((each, sql) for sql, each in kinds.items()), reverse=True)[:5],
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def part(options: argparse.Namespace, name: str, end: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.prune", "--part", name, "--rows", str(options.rows)]
    command += ["--keep", str(options.keep), "--end", str(end), *["--read-only"] * options.read_only]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def bare_delete(users: int) -> tuple[int, float]:
    """How many rows one statement deletes, and its seconds: from a copy, of some users, with the same indexes."""
    from django.db import connection

    from notifications_counter.models import Notification

    execute(f"CREATE TABLE bare (LIKE {table(Notification)} INCLUDING ALL)")
    execute(f"INSERT INTO bare SELECT * FROM {table(Notification)} WHERE user_id <= %s", users)
    execute("VACUUM ANALYZE bare")
    execute("CHECKPOINT")
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM bare WHERE created_at < now() - interval '{DAYS // 2} days'")
        number = cursor.rowcount
    seconds = time.perf_counter() - started
    execute("DROP TABLE bare")
    return number, seconds


def measure(options: argparse.Namespace) -> None:
    from notifications_counter.models import Notification

    users = options.rows // EACH
    execute(USERS, users)
    execute(NOTIFICATIONS, EACH, DAYS, EACH, EACH)
    execute(
        "INSERT INTO notifications_counter_usernotificationscount (user_id, unread_count) SELECT user_id, count(*)"
        " FROM notifications_counter_notification WHERE NOT has_read GROUP BY user_id"
    )
    execute("VACUUM ANALYZE")
    bare, bare_seconds = bare_delete(min(users, 10_000))
    execute("CHECKPOINT")
    before = Notification.objects.filter(text__startswith="Parcel").count()
    with tempfile.TemporaryDirectory() as directory:
        end = Path(directory) / "end"
        writers = [part(options, "write", end) for _ in range(options.writers)]
        flushes = subprocess.Popen([sys.executable, "-m", "django", "notification_update_counter", "--loop=2", "-v0"])
        try:
            took = json.loads(part(options, "prune", end).communicate()[0])
        finally:
            end.touch()
            flushes.terminate()
            flushes.wait(60)
        written = [json.loads(one.communicate(timeout=60)[0]) for one in writers]
    deleted = before - Notification.objects.filter(text__startswith="Parcel").count()
    report(options, took, written, deleted, bare / bare_seconds, wrong(1, users))


def report(
    options: argparse.Namespace, took: dict[str, Any], written: list[Any], deleted: int, bare: float, last: int
) -> None:
    speed = deleted / took["seconds"]
    sums = {name: sum(each[name] for each in written) for name in ("changes", "compared", "wrong")}
    print(f"notifications deleted, of {options.rows:>11,}     {deleted:>12,} in {took['seconds']:,.0f} s")
    print(f"that is                                    {speed:>12,.0f} a second")
    print(f"one bare DELETE without a counter          {bare:>12,.0f} a second: {rounded(bare / speed)} times as many")
    print(f"statements, and how many above 100 ms      {took['statements']:>12,}, {took['over']}")
    print(f"one in 1,000 takes longer than             {1000 * took['rare']:>12,.1f} ms")
    print(f"peak memory of the command                 {took['memory']:>12,.0f} MB")
    print(f"changes by {options.writers} writers meanwhile             {sums['changes']:>12,}")
    print(f"values compared meanwhile, and wrong ones  {sums['compared']:>12,}, {sums['wrong']}")
    print(f"values of all users wrong at the end       {last:>12,}")
    print("the longest statement of each kind:")
    for each, sql in took["longest"]:
        print(f"    {1000 * each:>8.1f} ms  {sql} ...")
    if last or sums["wrong"]:
        sys.exit("Counts are wrong.")


def main() -> None:
    options = arguments()
    if options.part:
        import django

        django.setup()
        users = options.rows // EACH
        print(json.dumps(pruned(options) if options.part == "prune" else write(options.end, users)))
        return
    os.environ["NC_INBOX"] = "1"  # the numbers of the inbox are counted too
    with postgresql_and_valkey(buffer="database"):
        measure(options)


if __name__ == "__main__":
    main()
