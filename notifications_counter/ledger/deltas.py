"""Pending deltas in the database: the database buffer's, and those that another buffer could not take."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, Q, Sum

from ..compat.transactions import hooks
from ..compat.uncached import rows_of
from ..dialects import dialect_of
from .tables import Delta

#: Rows a statement: SQLite takes 999 parameters in its oldest builds.
BATCH = 300
TABLE = Delta._meta.db_table

#: How many rows of several counters are inserted by one statement.
FEW = 50

#: On the connection: the rows of its open transaction to which later deltas are added.
ATTRIBUTE = "_notifications_counter_joined"


class Summary(NamedTuple):
    """How many rows are pending, of how many keys, with which sum, and how many of them request a recount."""

    rows: int
    keys: int
    amount: int
    recount_requests: int


def insert(
    connection: BaseDatabaseWrapper, label: str, sums: Mapping[str, int | None], declaration: str | None
) -> None:
    """Insert deltas, in the transaction that is open on the connection; None requests a recount of its key.

    Args:
        connection: the connection.
        label: the counter's label.
        sums: key -> delta.
        declaration: the digest of the declaration by which they were counted; where another one holds by the time of
            the flush, they request a recount.
    """
    sums = _without_joined(connection, label, sums)
    if sums:
        dialect_of(connection).insert_deltas(connection, TABLE, label, sums, declaration)


def insert_together(
    connection: BaseDatabaseWrapper, changes: Sequence[tuple[str, Mapping[str, int | None], str | None]]
) -> None:
    """Insert the deltas of several counters, by one statement where they are few.

    Args:
        connection: the connection.
        changes: label, key -> delta, and the digest of the declaration, of each counter.
    """
    left = [(label, _without_joined(connection, label, sums), declaration) for label, sums, declaration in changes]
    rows = [(label, key, amount, by) for label, sums, by in left for key, amount in sums.items()]
    if len(rows) <= FEW:
        if rows:
            dialect_of(connection).insert_few_deltas(connection, TABLE, rows)
        return
    for label, sums, declaration in left:
        if sums:
            dialect_of(connection).insert_deltas(connection, TABLE, label, sums, declaration)


def insert_to_be_joined(
    connection: BaseDatabaseWrapper, label: str, key: str, amount: int, declaration: str | None
) -> None:
    """Insert a delta to which a later one of the same key and transaction is added, so that they are one row."""
    row = rows_of(Delta, connection.alias).create(counter=label, key=key, amount=amount, declaration=declaration)
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


def next_keys(using: str, label: str, declaration: str | None, after: str | None, last: int, limit: int) -> list[str]:
    """The next keys, in their order, that have rows that can be added, up to an id."""
    rows = _amounts(using, label, declaration).filter(id__lte=last)
    if after is not None:
        rows = rows.filter(key__gt=after)
    return list(rows.values_list("key", flat=True).distinct().order_by("key")[:limit])


def pop(using: str, label: str, declaration: str | None, keys: Sequence[str], last: int) -> dict[str, tuple[int, int]]:
    """Delete the rows of keys that can be added, up to an id, in the transaction that is open.

    Args:
        using: the database alias.
        label: the counter's label.
        declaration: the digest of its declaration.
        keys: the keys, in their order, at least one.
        last: the highest id that is taken.

    Returns:
        Key -> the sum of the rows that were deleted, and their number.
    """
    rows = _amounts(using, label, declaration)
    return dialect_of(connections[using]).pop_deltas(rows, label, keys, last, declaration)


def is_foreign(declaration: str | None) -> Q:
    """The condition that a delta was counted by another declaration: nobody knows what it comes to by this one."""
    return Q(pk__in=[]) if declaration is None else Q(declaration__isnull=False) & ~Q(declaration=declaration)


def _amounts(using: str, label: str, declaration: str | None) -> models.QuerySet[Delta]:
    rows = rows_of(Delta, using).filter(counter=label, amount__isnull=False)
    return rows if declaration is None else rows.filter(Q(declaration__isnull=True) | Q(declaration=declaration))


def _requests(using: str, label: str, declaration: str | None) -> models.QuerySet[Delta]:
    """The rows that request a recount of their key: those without an amount, and those of another declaration."""
    return rows_of(Delta, using).filter(Q(amount__isnull=True) | is_foreign(declaration), counter=label)


def recount_requests(using: str, label: str, declaration: str | None, last: int, limit: int) -> list[tuple[int, str]]:
    """The oldest recount requests, up to an id, as id and key."""
    rows = _requests(using, label, declaration).filter(id__lte=last)
    return list(rows.order_by("id").values_list("id", "key")[:limit])


def recount_request_ids(using: str, label: str, declaration: str | None, keys: Sequence[str]) -> list[int]:
    """The ids of the recount requests of these keys."""
    rows = _requests(using, label, declaration).filter(key__in=keys)
    return list(rows.values_list("id", flat=True))


def pending_keys(using: str, label: str, declaration: str | None) -> set[str]:
    """The keys of a counter's rows that can be added."""
    rows = _amounts(using, label, declaration)
    return set(rows.values_list("key", flat=True).distinct())


def delete(using: str, ids: Sequence[int]) -> None:
    """Delete exactly these rows."""
    rows = rows_of(Delta, using)
    for start in range(0, len(ids), BATCH):
        rows.filter(id__in=ids[start : start + BATCH]).delete()


def summary(using: str, label: str, declaration: str | None) -> Summary:
    """What is pending of a counter."""
    is_added = Q(amount__isnull=False) & ~is_foreign(declaration)
    numbers = {
        "rows": Count("id"),
        "keys": Count("key", distinct=True),
        "amounts": Count("id", filter=is_added),
        "total": Sum("amount", filter=is_added),
    }
    found = rows_of(Delta, using).filter(counter=label).aggregate(**numbers)
    return Summary(found["rows"], found["keys"], int(found["total"] or 0), found["rows"] - found["amounts"])
