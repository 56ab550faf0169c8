"""Notifying many users, beside bulk_create of the same rows that nobody counts; and again with runs that are killed.

    POSTGRESQL_URL=... python -m benchmarks notify [--long] [--users 50000] [--buffer database] [--kills 10]

Prints how many users a second each takes, in turn, in fresh processes, each with its peak memory. Then a run with a key
is killed again and again, and run again: how many users have got nothing or more than one, and how many of the three
counts of each user are wrong. With --long there are 1,000,000 users.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from typing import Any

from .environment import USERS, execute, postgresql_and_valkey, table
from .memory import peak

SLICE = 10_000
TEXT = {"text": "Your parcel has arrived", "kind": "parcel", "url": "/parcels/7/"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="1,000,000 users")
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--buffer", choices=["database", "redis"], default="database")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--part", choices=["notify", "plain"], help=argparse.SUPPRESS)
    parser.add_argument("--slice", type=int, default=SLICE, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.users = 1_000_000 if options.long else options.users
    return options


def notify(size: int) -> None:
    """Notify all users with a key; a line for each slice."""
    from django.contrib.auth.models import User

    from notifications_counter.inbox import notify

    notify(User.objects.all(), **TEXT, key="all", slice_size=size, progress=lambda sent: print(sent.sent, flush=True))


def create_plain(size: int) -> None:
    """The same rows in a table that nobody counts, in slices of the same size."""
    from django.contrib.auth.models import User
    from django.db import transaction

    from .models import Plain

    users = User.objects.order_by("pk").values_list("pk", flat=True)
    found = list(users[:size])
    while found:
        with transaction.atomic():
            Plain.objects.bulk_create([Plain(user_id=pk, **TEXT) for pk in found])
        print(len(found), flush=True)
        found = list(users.filter(pk__gt=found[-1])[:size])


def work(options: argparse.Namespace) -> None:
    """Do a part in this process; print at its end how long it took, and the peak memory."""
    import django

    django.setup()
    began = time.perf_counter()
    (notify if options.part == "notify" else create_plain)(options.slice)
    print(json.dumps({"seconds": time.perf_counter() - began, "peak": peak()}))


def start(part: str, size: int = SLICE) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.notify", "--part", part, "--slice", str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(child: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = child.communicate()
    if child.returncode:
        sys.exit(f"A process has ended with status {child.returncode}.")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def start_anew() -> None:
    """Nothing is left of the run before, and nobody pays for it."""
    from django.apps import apps

    own = [*apps.get_app_config("notifications_counter").get_models()]
    own += [*apps.get_app_config("notifications_counter_inbox").get_models()]
    emptied = [model for model in own if model.__name__ not in ("Progress", "Identity")]
    from .models import Plain

    execute(f"TRUNCATE {', '.join(map(table, [*emptied, Plain]))}")
    execute("VACUUM ANALYZE")
    execute("CHECKPOINT")


def compare(users: int, rounds: int) -> None:
    found: dict[str, list[dict[str, Any]]] = {"notify": [], "plain": []}
    for _ in range(rounds):
        for part in ("notify", "plain"):
            start_anew()
            found[part].append(finish(start(part)))
    for part, what in (("notify", "notify with a key"), ("plain", "bulk_create, counted by nobody")):
        seconds = statistics.median(one["seconds"] for one in found[part])
        most = max(one["peak"] for one in found[part])
        print(f"{what:<32} {users / seconds:>9,.0f} users a second {most / 1e6:>7,.0f} MB at its peak")
    ratios = [one["seconds"] / two["seconds"] for one, two in zip(*found.values(), strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{statistics.median(ratios):.2f} times as long ({spread}; at most 1.3), memory at most 200 MB")


def kill_often(users: int, kills: int, seed: int) -> None:
    """Kill runs after some of their slices, at any moment of the next one; run to the end at last."""
    chosen = random.Random(seed)
    start_anew()
    size = max(1, min(SLICE, users // (6 * (kills or 1))))
    killed = 0
    for _ in range(kills):
        child = start("notify", size)
        assert child.stdout is not None
        for _line in range(chosen.randint(1, 8)):
            child.stdout.readline()
        time.sleep(chosen.random() / 10)
        child.send_signal(signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
        child.stdout.close()
    finish(start("notify", size))
    print(f"{killed} runs killed (seed {seed}), in slices of {size:,}; then one to the end")


WRONG = """
SELECT count(*) FROM auth_user u
FULL JOIN (SELECT user_id, sum({amount}) AS stored FROM {counts} GROUP BY 1) c ON c.user_id = u.id
LEFT JOIN (SELECT user_id, count(*) AS number FROM {rows} WHERE NOT has_read GROUP BY 1) t ON t.user_id = u.id
WHERE coalesce(c.stored, 0) <> coalesce(t.number, 0)
"""


def check(users: int) -> None:
    """Flush everything, and compare with what is there."""
    from django.core.management import call_command
    from django.db import connection

    from notifications_counter.inbox.models import UnreadByKind, UnseenCount
    from notifications_counter.models import Notification, UserNotificationsCount

    counts = ((UserNotificationsCount, "unread_count"), (UnseenCount, "unseen"), (UnreadByKind, "unread"))
    numbers, end = [users], time.monotonic() + 120
    with connection.cursor() as cursor:
        while any(numbers) and time.monotonic() < end:
            call_command("notification_update_counter", verbosity=0)
            numbers = []
            for model, amount in counts:
                cursor.execute(WRONG.format(amount=amount, counts=table(model), rows=table(Notification)))
                numbers += cursor.fetchone()
        cursor.execute(f"SELECT count(*), count(DISTINCT user_id) FROM {table(Notification)}")
        rows, distinct = cursor.fetchone()
    print(f"{users - distinct:,} users have got nothing, {rows - distinct:,} something twice")
    print(f"{sum(numbers):,} of {3 * users:,} counts are wrong")
    if any(numbers) or not rows == distinct == users:
        sys.exit(1)


def main() -> None:
    options = arguments()
    if options.part:
        work(options)
        return
    os.environ["NC_REDIS_OPTIONS"] = json.dumps({"INTENT_GRACE": 2})
    with postgresql_and_valkey(options.buffer, "benchmarks.inbox_settings"):
        execute(USERS, options.users)
        print(f"{options.users:,} users, {options.buffer} buffer, slices of {SLICE:,}", flush=True)
        compare(options.users, options.rounds)
        kill_often(options.users, options.kills, options.seed)
        check(options.users)


if __name__ == "__main__":
    main()
