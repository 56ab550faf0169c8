"""Pending deltas in the database: the database buffer's, and those that another buffer could not take."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, Sum

from ..compat.transactions import hooks
from ..compat.uncached import rows_of
from ..dialects import dialect_of
from .tables import Delta

#: Rows a statement: SQLite takes 999 parameters in its oldest builds.
BATCH = 300
TABLE = Delta._meta.db_table

#: On the connection: the rows of its open transaction to which later deltas are added.
ATTRIBUTE = "_notifications_counter_joined"


class Summary(NamedTuple):
    """How many rows are pending, of how many keys, with which sum, and how many of them request a recount."""

    rows: int
    keys: int
    amount: int
    recount_requests: int


def insert(connection: BaseDatabaseWrapper, label: str, sums: Mapping[str, int | None]) -> None:
    """Insert deltas, in the transaction that is open on the connection; None requests a recount of its key."""
    sums = _without_joined(connection, label, sums)
    if sums:
        dialect_of(connection).insert_deltas(connection, TABLE, label, sums)


def insert_to_be_joined(connection: BaseDatabaseWrapper, label: str, key: str, amount: int) -> None:
    """Insert a delta to which a later one of the same key and transaction is added, so that they are one row."""
    row = rows_of(Delta, connection.alias).create(counter=label, key=key, amount=amount)
    rows = {**_joinable(connection), (label, key): row.pk}
    setattr(connection, ATTRIBUTE, (hooks(connection), rows))


def _joinable(connection: BaseDatabaseWrapper) -> Mapping[tuple[str, str], int]:
    """Label and key -> the id of the row that the open transaction has inserted for it to be joined."""
    known, rows = vars(connection).get(ATTRIBUTE, (None, {}))
    return rows if known is hooks(connection) else {}  # else they were committed, or rolled back


def _without_joined(
    connection: BaseDatabaseWrapper, label: str, sums: Mapping[str, int | None]
) -> Mapping[str, int | None]:
    """The deltas that have no row yet to be added to."""
    rows = _joinable(connection)
    joined = rows and {key for key in sums if (label, key) in rows and _join(connection, rows[label, key], sums[key])}
    return {key: amount for key, amount in sums.items() if key not in joined} if joined else sums


def _join(connection: BaseDatabaseWrapper, id: int, amount: int | None) -> bool:
    rows = rows_of(Delta, connection.alias).filter(id=id)
    return amount is not None and bool(rows.update(amount=F("amount") + amount))


def max_id(using: str, label: str) -> int:
    """The highest id of a counter's rows; 0 for none."""
    rows = rows_of(Delta, using).filter(counter=label)
    return rows.order_by("-id").values_list("id", flat=True).first() or 0


def next_keys(using: str, label: str, after: str | None, last: int, limit: int) -> list[str]:
    """The next keys, in their order, that have rows with an amount, up to an id."""
    rows = _amounts(using, label, last)
    if after is not None:
        rows = rows.filter(key__gt=after)
    return list(rows.values_list("key", flat=True).distinct().order_by("key")[:limit])


def pop(using: str, label: str, keys: Sequence[str], last: int) -> dict[str, tuple[int, int]]:
    """Delete the rows of keys that have an amount, up to an id, in the transaction that is open.

    Args:
        using: the database alias.
        label: the counter's label.
        keys: the keys, in their order, at least one.
        last: the highest id that is taken.

    Returns:
        Key -> the sum of the rows that were deleted, and their number.
    """
    rows = rows_of(Delta, using).filter(counter=label)
    return dialect_of(connections[using]).pop_deltas(rows, label, keys, last)


def _amounts(using: str, label: str, last: int) -> models.QuerySet[Delta]:
    return rows_of(Delta, using).filter(counter=label, id__lte=last, amount__isnull=False)


def recount_requests(using: str, label: str, last: int, limit: int) -> list[tuple[int, str]]:
    """The oldest recount requests, up to an id, as id and key."""
    rows = rows_of(Delta, using).filter(counter=label, id__lte=last, amount__isnull=True)
    return list(rows.order_by("id").values_list("id", "key")[:limit])


def recount_request_ids(using: str, label: str, keys: Sequence[str]) -> list[int]:
    """The ids of the recount requests of these keys."""
    rows = rows_of(Delta, using).filter(counter=label, key__in=keys, amount__isnull=True)
    return list(rows.values_list("id", flat=True))


def pending_keys(using: str, label: str) -> set[str]:
    """The keys of a counter's rows that have an amount."""
    rows = rows_of(Delta, using).filter(counter=label, amount__isnull=False)
    return set(rows.values_list("key", flat=True).distinct())


def delete(using: str, ids: Sequence[int]) -> None:
    """Delete exactly these rows."""
    rows = rows_of(Delta, using)
    for start in range(0, len(ids), BATCH):
        rows.filter(id__in=ids[start : start + BATCH]).delete()


def summary(using: str, label: str) -> Summary:
    """What is pending of a counter."""
    numbers = {
        "rows": Count("id"),
        "keys": Count("key", distinct=True),
        "amounts": Count("amount"),
        "total": Sum("amount"),
    }
    found = rows_of(Delta, using).filter(counter=label).aggregate(**numbers)
    return Summary(found["rows"], found["keys"], int(found["total"] or 0), found["rows"] - found["amounts"])
