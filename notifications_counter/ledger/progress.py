"""The progress rows: which batch of a counter's shard has been applied, and how far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction

from ..compat.uncached import rows_of
from .tables import Progress


@dataclass(frozen=True)
class Layout:
    """Where a buffer's deltas are pending: what must not change while some are. No prefix: in the database alone."""

    prefix: str = ""
    shards: int = 1


def ensure(using: str, label: str, number: int = 1, **values: Any) -> None:
    """Create the rows of a counter that are missing, and commit them: a lock on a missing row locks nothing."""
    for shard in range(number):
        rows_of(Progress, using).get_or_create(counter=label, shard=shard, defaults=values)


def lock(using: str, label: str, shard: int) -> Progress:
    """Lock a shard's row until the transaction ends, and read it.

    An update that changes nothing is the one lock that every database has; SQLite must not read before it.
    """
    assert transaction.get_connection(using).in_atomic_block
    rows = rows_of(Progress, using).filter(counter=label, shard=shard)
    rows.update(shard=shard)
    return rows.get()


def read(using: str, label: str, shard: int) -> Progress:
    """A shard's row as it is now: by SQL, which no cache of querysets answers.

    Raises:
        DoesNotExist: there is none.
    """
    quote = connections[using].ops.quote_name
    statement = (
        f"SELECT * FROM {quote(Progress._meta.db_table)} WHERE {quote('counter')} = %s AND {quote('shard')} = %s"
    )
    for row in Progress.objects.using(using).raw(statement, [label, shard]):
        return row
    raise Progress.DoesNotExist(f"{label} has no progress row for shard {shard} on {using!r}.")


def read_all(using: str, label: str, shards: int) -> list[Progress]:
    """The rows of the first so many shards, in their order."""
    return list(rows_of(Progress, using).filter(counter=label, shard__lt=shards).order_by("shard"))


def save(progress: Progress, **values: Any) -> None:
    for name, value in values.items():
        setattr(progress, name, value)
    progress.save(update_fields=list(values))


def move(using: str, label: str, old: Mapping[str, str | None], values: Mapping[str, Any]) -> bool:
    """Change the rows of all shards of a counter, if the notes of those names are still the old ones."""
    same = {f"{name}__isnull" if note is None else name: note is None or note for name, note in old.items()}
    return bool(rows_of(Progress, using).filter(counter=label, **same).update(**values))


def update(using: str, label: str, values: Mapping[str, Any]) -> None:
    """Change the rows of all shards of a counter."""
    rows_of(Progress, using).filter(counter=label).update(**values)


def forget_elsewhere(using: str, events: Collection[str]) -> dict[str, bool]:
    """Forget where deltas may be pending outside the database: what is there belongs to another database.

    Args:
        using: the database alias.
        events: the labels of the counters that cannot be backfilled again.

    Returns:
        The labels of the counters concerned, and whether a flush has ever worked on each.
    """
    rows = rows_of(Progress, using)
    found = rows.exclude(prefix="").order_by("counter", "-shard").values_list("counter", "flushed_at")
    labels = {label: flushed_at is not None for label, flushed_at in found}
    nothing = {"prefix": "", "shards": 1, "run_id": "", "batch": 0, "position": 0, "size": 0, "lost_at": None}
    rows.filter(counter__in=labels).update(**nothing)
    rows.filter(counter__in=labels.keys() - set(events)).update(backfilled=False, recounted_to=None)
    return labels
