"""Counting clicks once each: their ids are written in the transaction that counts them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.db.models import Min
from django.utils import timezone

from .conf import clicks_settings
from .message_models import CountedClick, KeptClick
from .models import Click, ClickDay, day_of
from .recording import ClickEvent

#: How often a transaction is tried again that another one was in the way of.
TRIES = 5

#: How much longer ids are known than messages are taken, for clocks that differ.
MARGIN = timedelta(days=1)

#: How many ids one statement forgets.
CHUNK = 10_000


def alias() -> str:
    """The database that has the counts, and the ids beside them."""
    return str(router.db_for_write(Click))


def count_once(
    events: Sequence[ClickEvent], *, anonymous: Iterable[ClickEvent] = (), kept: bool = False, using: str | None = None
) -> int:
    """Count clicks that have not been counted, in one transaction, which writes their counts and their ids.

    Args:
        events: the clicks; those whose id is known are passed over.
        anonymous: more clicks, that have no id of their own: each is counted.
        kept: whether the database has kept them; it lets go of them in the same transaction.
        using: a database alias, where it is not the model's own.

    Returns:
        How many of ``events`` were new.

    Raises:
        DatabaseError: the database does not answer, or refuses. Nothing has been counted then.
    """
    by_id = {event.id: event for event in events}
    database, known, unknown = using or alias(), set[str](), list(anonymous)
    for left in reversed(range(TRIES)):
        new = {key: event for key, event in by_id.items() if key not in known}
        try:
            with transaction.atomic(using=database):
                _write(new, unknown, list(by_id) if kept else [], database)
            return len(new)
        except (IntegrityError, OperationalError) as error:
            if not left or transaction.get_connection(database).in_atomic_block:
                raise
            if isinstance(error, IntegrityError):  # an id is there already, or was written meanwhile
                known = _known(by_id, database)
            else:  # a deadlock, or another writer; what lasts is raised at the end
                time.sleep(0.05 * (TRIES - left))
    raise AssertionError("the last try returns or raises")


def _write(new: Mapping[str, ClickEvent], anonymous: list[ClickEvent], kept: list[str], using: str) -> None:
    # In one order, so that two that have the same ids wait for each other instead of for good.
    _insert_ids([new[key] for key in sorted(new)], using)
    _add([*new.values(), *anonymous], using)
    if kept:
        KeptClick.objects.using(using).filter(pk__in=kept).delete()


def _insert_ids(events: Sequence[ClickEvent], using: str) -> None:
    connection = connections[using]
    if connection.vendor != "postgresql":
        CountedClick.objects.using(using).bulk_create([CountedClick(id=event.id, at=event.at) for event in events])
        return
    # Two arrays as text, of which nothing has to be made for each row; neither ids nor moments need quotes in them.
    ids, moments = ",".join(event.id for event in events), ",".join(event.at.isoformat() for event in events)
    statement = "INSERT INTO {} (id, at) SELECT * FROM unnest(%s::uuid[], %s::timestamptz[])"
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(CountedClick._meta.db_table)
        cursor.execute(statement.format(table), [f"{{{ids}}}", f"{{{moments}}}"])


def _known(events: Mapping[str, ClickEvent], using: str) -> set[str]:
    found = CountedClick.objects.using(using).filter(pk__in=list(events)).values_list("pk", flat=True)
    return {key.hex for key in found}


def _add(events: Iterable[ClickEvent], using: str) -> None:
    by_day: dict[bool, Counter[tuple[str, Any]]] = {False: Counter(), True: Counter()}
    in_all: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for event in events:
        by_day[event.is_bot][event.url, day_of(event.at)] += 1
        in_all[event.is_bot][event.url] += 1
    for is_bot, whole, daily in ((False, Click.humans, ClickDay.humans), (True, Click.bots, ClickDay.bots)):
        if in_all[is_bot]:
            whole.add_to_rows(in_all[is_bot], using=using)
            daily.add_to_rows(by_day[is_bot], using=using)


def oldest_taken(now: datetime | None = None) -> datetime:
    """Messages of clicks before that are refused: their ids may be forgotten, so that nobody knows any more whether
    they were counted."""
    return (now or timezone.now()) - timedelta(days=clicks_settings().KEEP_IDS_DAYS)


def forget_ids(using: str | None = None, *, now: datetime | None = None) -> int:
    """Forget ids that cannot come again.

    A click's message, and its copies, are refused when the click is older than ``KEEP_IDS_DAYS``. Ids are forgotten a
    day later than that, for clocks that differ, and none that is as old as a click that the database still keeps.

    Args:
        using: a database alias, where it is not the model's own.
        now: another moment than now.

    Returns:
        How many ids were forgotten.
    """
    database, forgotten = using or alias(), 0
    before = oldest_taken(now) - MARGIN
    oldest = KeptClick.objects.using(database).aggregate(oldest=Min("at"))["oldest"]
    before = min(before, oldest) if oldest else before
    while True:
        rows = CountedClick.objects.using(database).filter(at__lt=before).order_by("at")
        part = list(rows.values_list("pk", flat=True)[:CHUNK])
        deleted = CountedClick.objects.using(database).filter(pk__in=part)._raw_delete(database) if part else 0
        forgotten += deleted
        if len(part) < CHUNK:
            return forgotten
