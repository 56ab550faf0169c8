"""The first fill: counting a table that had rows before it was counted, while others write to it.

    python -m benchmarks.fill [--users 1000000] [--each 10] [--writers 4]

Prints how long `manage.py notification_recount` took, its peak memory, what was written meanwhile, and how many of all
users' values are wrong at the end.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .environment import USERS, postgresql_and_valkey

NOTIFICATIONS = """
INSERT INTO notifications_counter_notification (user_id, text, kind, url, has_read, created_at)
SELECT u.id, 'before', '', '', (u.id + n) %% 5 = 0, now() FROM auth_user u, generate_series(1, %s) n
"""
WRONG = """
SELECT count(*) FROM auth_user u
LEFT JOIN notifications_counter_usernotificationscount c ON c.user_id = u.id
LEFT JOIN (SELECT key::bigint AS id, sum(amount) AS n FROM notifications_counter_delta
           WHERE counter = %s GROUP BY key) d ON d.id = u.id
LEFT JOIN (SELECT user_id, count(*) AS n FROM notifications_counter_notification
           WHERE NOT has_read GROUP BY user_id) t ON t.user_id = u.id
WHERE coalesce(c.unread_count, 0) + coalesce(d.n, 0) <> coalesce(t.n, 0)
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=10, help="notifications of each user")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--write-until", metavar="FILE", help=argparse.SUPPRESS)
    return parser.parse_args()


def write(end: Path, users: int) -> None:
    """Create notifications and mark them as read until a file is there; prints how many changes that were."""
    import django

    django.setup()
    from notifications_counter.controller import NotificationController
    from notifications_counter.models import Notification

    changes = 0
    while not end.exists():
        user = random.randrange(1, users + 1)
        if random.random() < 0.7:
            Notification.objects.create(user_id=user, text="meanwhile")
        else:
            NotificationController(user).mark_all_as_read()
        changes += 1
    print(changes)


def prepare(users: int, each: int) -> None:
    from django.db import connection

    from notifications_counter.ledger.tables import Progress

    with connection.cursor() as cursor:
        cursor.execute(USERS, [users])
        cursor.execute(NOTIFICATIONS, [each])
        cursor.execute("VACUUM ANALYZE")
    Progress.objects.update(backfilled=False)


def fill() -> tuple[float, float]:
    """Seconds, and megabytes at the peak."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "django", "notification_recount", "--counter"]
    subprocess.run([*command, "notifications_counter.UserNotificationsCount"], check=True)
    seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def wrong() -> int:
    from django.db import connection

    from notifications_counter.models import UserNotificationsCount

    with connection.cursor() as cursor:
        cursor.execute(WRONG, [UserNotificationsCount.counter.label])
        return int(cursor.fetchone()[0])


def measure(options: argparse.Namespace) -> None:

    prepare(options.users, options.each)
    with tempfile.TemporaryDirectory() as directory:
        end = Path(directory) / "end"
        writer = [sys.executable, "-m", "benchmarks.fill", "--users", str(options.users), "--write-until", str(end)]
        writers = [subprocess.Popen(writer, stdout=subprocess.PIPE, text=True) for _ in range(options.writers)]
        try:
            seconds, megabytes = fill()
        finally:
            end.touch()
        changes = sum(int(one.communicate(timeout=60)[0]) for one in writers)
    print(f"users counted, of {options.users:,}                {options.users / seconds:>12,.0f} a second")
    print(f"notifications of them                    {options.users * options.each:>12,}")
    print(f"changes by {options.writers} writers meanwhile           {changes:>12,}")
    print(f"peak memory of the command               {megabytes:>12,.0f} MB")
    print(f"values that are wrong at the end         {wrong():>12,}")


def main() -> None:
    options = arguments()
    if options.write_until:
        write(Path(options.write_until), options.users)
        return
    with postgresql_and_valkey(buffer="database"):
        measure(options)


if __name__ == "__main__":
    main()
