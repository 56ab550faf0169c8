"""The inbox of a user who has very many notifications: page 10,000 beside page 1, and what its badge reads.

    POSTGRESQL_URL=... [MARIADB_URL=...] python -m benchmarks inbox [--long]

The user has a page more than 10,000 pages of 20; so have others, a few in between. Pages are measured as the
query alone and as the whole page, as a browser gets it, but over no network; in turn, in one run. Where there is a
MariaDB, its queries in the middle of an inbox follow.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from .environment import execute, start_anew, table
from .measure import Figure, per_call, take_turns, times_as_fast, times_as_long
from .report import run_alone

PAGE, SIZE = 10_000, 20

#: A third of them unread, of ten kinds, one a minute; between two of them one of everybody else's.
NOTIFICATIONS = """
INSERT INTO notifications_counter_notification (user_id, text, kind, url, has_read, created_at)
SELECT u.id, 'Parcel number ' || n || ' has arrived', 'kind ' || n %% 10, '/parcels/' || n, n %% 3 > 0,
       now() - (%s - n) * interval '1 minute'
FROM generate_series(1, %s) n, auth_user u WHERE u.id = 1 OR n %% 1000 = u.id ORDER BY n
"""
#: The counts of the built-in notifications and of the inbox, as flushes would have stored them.
COUNTS = (
    "INSERT INTO notifications_counter_usernotificationscount (user_id, unread_count)"
    " SELECT user_id, count(*) FROM notifications_counter_notification WHERE NOT has_read GROUP BY 1",
    "INSERT INTO notifications_counter_inbox_unseencount (user_id, unseen)"
    " SELECT user_id, count(*) FROM notifications_counter_notification WHERE NOT has_read AND NOT seen GROUP BY 1",
    "INSERT INTO notifications_counter_inbox_unreadbykind (user_id, kind, unread)"
    " SELECT user_id, kind, count(*) FROM notifications_counter_notification WHERE NOT has_read GROUP BY 1, 2",
)


def figures(at_scale: bool) -> Iterator[Figure]:
    from notifications_counter.models import Notification

    start_anew(1_000)
    number = (PAGE + 1) * SIZE
    execute(NOTIFICATIONS, number, number)
    for statement in COUNTS:
        execute(statement)
    execute(f"VACUUM ANALYZE {table(Notification)}")
    rounds = 200 if at_scale else 31
    yield from queries(rounds)
    yield from whole_pages(rounds)
    yield from badges(rounds)


def own() -> Any:
    from notifications_counter.models import Notification

    return Notification.objects.of(1)


def cursor_before(page: int, rows: Any) -> Any:
    """The place after which a page begins."""
    from notifications_counter.inbox.paging import Cursor

    last = (page - 1) * SIZE
    return Cursor.of(rows.order_by("-created_at", "-pk")[last - 1 : last].get())


def queries(rounds: int) -> Iterator[Figure]:
    from notifications_counter.inbox.paging import first_page, page_after

    for name, rows in (("", own()), (", unread only", own().unread()), (", one kind", own().filter(kind="kind 3"))):
        page = PAGE if not name else rows.count() // SIZE - 1
        place = cursor_before(page, rows)
        old = rows.order_by("-created_at", "-pk")[(page - 1) * SIZE : page * SIZE]
        assert page_after(rows, SIZE, place).notifications == list(old)
        ours = per_call(lambda rows=rows, place=place: page_after(rows, SIZE, place))
        first = per_call(lambda rows=rows: first_page(rows, SIZE))
        yield times_as_long(f"the query of page {page:,}{name}", "that of page 1", take_turns(rounds, ours, first), 1.2)
        theirs = per_call(lambda old=old: list(old.all()))
        against = f"LIMIT {SIZE} OFFSET {(page - 1) * SIZE:,}"
        yield times_as_fast(f"the query of page {page:,}{name}", against, take_turns(rounds // 4, ours, theirs))


def whole_pages(rounds: int) -> Iterator[Figure]:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(pk=1))
    place = cursor_before(PAGE, own())
    last, first = f"/inbox/?after={place}", "/inbox/"
    for address in (last, first):
        assert client.get(address).status_code == 200, address
    ours, theirs = per_call(lambda: client.get(last), 0.05), per_call(lambda: client.get(first), 0.05)
    yield times_as_long(f"the whole page {PAGE:,}", "page 1", take_turns(rounds, ours, theirs), 1.2)
    last, first = f"/inbox/api/notifications/?cursor={place}", "/inbox/api/notifications/"
    for address in (last, first):
        assert client.get(address).status_code == 200, address
    ours, theirs = per_call(lambda: client.get(last), 0.05), per_call(lambda: client.get(first), 0.05)
    yield times_as_long(f"page {PAGE:,} of the API", "page 1", take_turns(rounds, ours, theirs), 1.2)


def badges(rounds: int) -> Iterator[Figure]:
    """What a badge and a client are told, beside counting the same."""
    from notifications_counter.inbox.numbers import numbers_of
    from notifications_counter.models import UserNotificationsCount

    counter = UserNotificationsCount.counter
    assert counter.value(1) == numbers_of(1).unread == own().unread().count()
    counted = per_call(lambda: own().unread().count())
    measured = take_turns(rounds, per_call(lambda: counter.value(1)), counted)
    yield times_as_fast("the badge's number", "COUNT(*) of it", measured)
    all_counted = per_call(lambda: (own().unread().count(), own().unseen().count(), grouped()))
    measured = take_turns(rounds, per_call(lambda: numbers_of(1)), all_counted)
    yield times_as_fast("all numbers and their revision", "COUNT(*) of each", measured)
    measured = take_turns(rounds, per_call(lambda: numbers_of(1)), per_call(lambda: counter.value(1)))
    yield times_as_long("all numbers and their revision", "the badge's number", measured, None)


def grouped() -> list[Any]:
    from django.db.models import Count

    return list(own().unread().values_list("kind").annotate(Count("pk")))


def main() -> None:
    os.environ["NC_INBOX"] = "1"
    run_alone(figures, __doc__)
    if os.environ.get("MARIADB_URL"):
        print("On MariaDB:", flush=True)
        subprocess.run([sys.executable, "-m", "benchmarks.inbox_mariadb"], check=True)


if __name__ == "__main__":
    main()
