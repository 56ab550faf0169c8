"""The pages of an inbox on MariaDB, in the middle of 100,000 notifications: beside the first one, and beside the same
queries where nobody tells it the index.

    MARIADB_URL=... python -m benchmarks.inbox_mariadb
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from .measure import Figure, per_call, take_turns, times_as_fast, times_as_long
from .report import show

SIZE, ALL = 20, 100_000

#: One user has all of them, a third unread, of ten kinds; between them lie some of fifty others.
NOTIFICATIONS = """
INSERT INTO notifications_counter_notification (user_id, text, kind, url, has_read, seen, data, created_at)
SELECT u.id, CONCAT('Parcel number ', s.seq, ' has arrived'), CONCAT('kind ', s.seq %% 10), '/parcels/', s.seq %% 3 > 0,
       0, '{}', NOW() - INTERVAL (%s - s.seq) MINUTE
FROM seq_1_to_100000 s JOIN auth_user u ON u.id = %s OR s.seq %% 1000 = u.id ORDER BY s.seq
"""


def figures(rounds: int = 31) -> Iterator[Figure]:
    from django.contrib.auth.models import User
    from django.db import connection

    from notifications_counter.models import Notification

    users = [User.objects.create(username=f"user{place}") for place in range(50)]
    with connection.cursor() as cursor:
        cursor.execute(NOTIFICATIONS, [ALL, users[0].pk])
        cursor.execute("ANALYZE TABLE notifications_counter_notification")
    own = Notification.objects.of(users[0])
    for name, rows in (("", own), (", unread only", own.unread()), (", one kind", own.filter(kind="kind 3"))):
        yield from pages(name, rows, rounds)


def pages(name: str, rows: Any, rounds: int) -> Iterator[Figure]:
    from notifications_counter.inbox.paging import Cursor, first_page, page_after, page_before

    number = rows.count() // 2
    place = Cursor.of(rows.order_by("-created_at", "-pk")[number : number + 1].get())
    older = rows.filter(place.older).order_by("-created_at", "-pk")[: SIZE + 1]
    newer = rows.filter(place.newer).order_by("created_at", "pk")[: SIZE + 1]
    assert page_after(rows, SIZE, place).notifications == list(older.all()[:SIZE])
    assert page_before(rows, SIZE, place).notifications == list(newer.all()[:SIZE])[::-1]
    first = per_call(lambda: first_page(rows, SIZE))
    ways = (
        (f"older than number {number:,}{name}", lambda: page_after(rows, SIZE, place), older),
        (f"newer than number {number:,}{name}", lambda: page_before(rows, SIZE, place), newer),
    )
    for what, page, plain in ways:
        ours, untold = per_call(page), per_call(lambda plain=plain: list(plain.all()))
        yield times_as_long(what, "the first page", take_turns(rounds, ours, first), 1.5)
        yield times_as_fast(what, "where no index is named", take_turns(rounds, ours, untold))


def main() -> None:
    url = os.environ.get("MARIADB_URL")
    if not url:
        sys.exit("Set MARIADB_URL, such as mysql://user:password@127.0.0.1:3306/name, to a server to measure on.")
    os.environ |= {"NC_DATABASE_URL": url, "NC_BUFFER": "database", "DJANGO_SETTINGS_MODULE": "tests.apps_settings"}
    import django
    from django.db import connection

    django.setup()
    name = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        show(list(figures()))
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
