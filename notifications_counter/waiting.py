"""The table in which deltas wait in the database: the database buffer's, and the refuge of every other buffer."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from .models import Delta

#: Rows a statement: SQLite takes 999 parameters in its oldest builds.
BATCH = 300
TABLE = Delta._meta.db_table


class Waiting(NamedTuple):
    """One waiting row."""

    id: int
    key: str
    amount: int


def leave(connection: BaseDatabaseWrapper, label: str, sums: Mapping[str, int | None]) -> None:
    """Let deltas wait, in the transaction that is open on the connection; None asks for a recount of its key."""
    rows = list(sums.items())
    for start in range(0, len(rows), BATCH):
        _insert(connection, label, rows[start : start + BATCH])


def _insert(connection: BaseDatabaseWrapper, label: str, rows: Sequence[tuple[str, int | None]]) -> None:
    quote = connection.ops.quote_name
    places = ", ".join(["(%s, %s, %s)"] * len(rows))
    columns = ", ".join(map(quote, ("counter", "key", "amount")))
    parameters = [value for key, amount in rows for value in (label, key, amount)]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(TABLE)} ({columns}) VALUES {places}", parameters)


def oldest(using: str, label: str, after: int, limit: int) -> list[Waiting]:
    """The oldest waiting rows of a counter, above an id; only those with an amount."""
    rows = Delta.objects.using(using).filter(counter=label, id__gt=after, amount__isnull=False)
    found = rows.order_by("id").values_list("id", "key", "amount")[:limit]
    return [Waiting(id, key, amount or 0) for id, key, amount in found]


def newest(using: str, label: str) -> int:
    """The id of the newest row of a counter; 0 where there is none."""
    rows = Delta.objects.using(using).filter(counter=label).order_by("-id")
    return rows.values_list("id", flat=True).first() or 0


def asked(using: str, label: str, limit: int) -> list[tuple[int, str]]:
    """The oldest rows that ask for a recount, as id and key."""
    rows = Delta.objects.using(using).filter(counter=label, amount__isnull=True)
    return list(rows.order_by("id").values_list("id", "key")[:limit])


def asked_of(using: str, label: str, keys: Sequence[str]) -> list[int]:
    """The ids of the rows that ask for a recount of these keys."""
    rows = Delta.objects.using(using).filter(counter=label, key__in=keys, amount__isnull=True)
    return list(rows.values_list("id", flat=True))


def keys(using: str, label: str) -> set[str]:
    """The keys of a counter's rows that have an amount."""
    rows = Delta.objects.using(using).filter(counter=label, amount__isnull=False)
    return set(rows.values_list("key", flat=True).distinct())


def delete(using: str, ids: Sequence[int]) -> None:
    """Delete exactly these rows."""
    rows = Delta.objects.using(using)
    for start in range(0, len(ids), BATCH):
        rows.filter(id__in=ids[start : start + BATCH]).delete()


def summary(using: str, label: str) -> tuple[int, int]:
    """How many rows of a counter wait, and of how many keys."""
    rows = Delta.objects.using(using).filter(counter=label)
    return rows.count(), rows.values("key").distinct().count()
