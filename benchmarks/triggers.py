"""One update of many rows on PostgreSQL, with a counter by triggers against the same update without a counter.

    python -m benchmarks.triggers [--rows 1000000] [--users 10000] [--rounds 3]

Each round marks all notifications as read and as unread again, and changes a column that no counter reads; without
triggers, with them, and so on in turn, after a VACUUM and a CHECKPOINT each. The table has the indexes that the
notifications have.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from .environment import execute, postgresql_and_valkey
from .measure import Figure, take_turns, times_as_long
from .report import show

UPDATES = {
    "has_read = true": "mark all as read",
    "has_read = false": "mark all as unread",
    "kind = 'parcel'": "a column that is not counted",
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def fill(rows: int, users: int) -> None:
    """Notifications, of all users in turn."""
    from django.contrib.auth.models import User

    from notifications_counter.models import Notification

    User.objects.bulk_create((User(username=f"user{place}", password="!") for place in range(users)), batch_size=5000)
    execute(
        f"INSERT INTO {Notification._meta.db_table} (user_id, text, kind, url, has_read, created_at)"
        " SELECT (SELECT min(id) FROM auth_user) + i %% %s,"
        " 'Parcel number ' || i || ' has arrived', '', '/parcels/' || i, false, now() FROM generate_series(1, %s) i",
        users,
        rows,
    )


def install(capture: str) -> None:
    """Declare the built-in counter so, and make the database agree."""
    from django.db import DEFAULT_DB_ALIAS

    from notifications_counter.ledger.introspection import Tables
    from notifications_counter.models import UserNotificationsCount
    from notifications_counter.triggers.install import Triggers

    UserNotificationsCount.counter.capture = capture
    list(Triggers(Tables(DEFAULT_DB_ALIAS)).install())


def seconds(change: str) -> float:
    from notifications_counter.ledger.tables import Delta
    from notifications_counter.models import Notification

    execute(f"TRUNCATE {Delta._meta.db_table}")
    execute(f"VACUUM ANALYZE {Notification._meta.db_table}")
    execute("CHECKPOINT")
    started = time.perf_counter()
    execute(f"UPDATE {Notification._meta.db_table} SET {change}")
    return time.perf_counter() - started


def each_update(capture: str) -> list[float]:
    """The seconds of every update; a session's first one, of a single row, lets it make its plans on small tables."""
    install(capture)
    execute("UPDATE notifications_counter_notification SET has_read = has_read WHERE id = 1")
    return [seconds(change) for change in UPDATES]


def figures(rounds: int) -> Iterator[Figure]:
    measured = take_turns(rounds, lambda: each_update("triggers"), lambda: each_update("signals"))
    for place, name in enumerate(UPDATES.values()):
        of_one = [[update[place] for update in updates] for updates in measured]
        yield times_as_long(f"{name}, with triggers", "the same without", of_one, None)


def main() -> None:
    options = arguments()
    with postgresql_and_valkey():
        fill(options.rows, options.users)
        print(f"{options.rows:,} rows of {options.users:,} users")
        show(list(figures(options.rounds)))


if __name__ == "__main__":
    main()
