"""The progress rows: which batch of a counter's shard has been applied, and how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from .tables import Progress


@dataclass(frozen=True)
class Layout:
    """Where a buffer's deltas are pending: what must not change while some are. No prefix: in the database alone."""

    prefix: str = ""
    shards: int = 1


def ensure(using: str, label: str, number: int = 1, **values: Any) -> None:
    """Create the rows of a counter that are missing, and commit them: a lock on a missing row locks nothing."""
    for shard in range(number):
        Progress.objects.using(using).get_or_create(counter=label, shard=shard, defaults=values)


def lock(using: str, label: str, shard: int) -> Progress:
    """Lock a shard's row until the transaction ends, and read it.

    An update that changes nothing is the one lock that every database has; SQLite must not read before it.
    """
    assert transaction.get_connection(using).in_atomic_block
    rows = Progress.objects.using(using).filter(counter=label, shard=shard)
    rows.update(shard=shard)
    return rows.get()


def read(using: str, label: str, shard: int) -> Progress:
    return Progress.objects.using(using).get(counter=label, shard=shard)


def read_all(using: str, label: str, shards: int) -> list[Progress]:
    """The rows of the first so many shards, in their order."""
    return list(Progress.objects.using(using).filter(counter=label, shard__lt=shards).order_by("shard"))


def save(progress: Progress, **values: Any) -> None:
    for name, value in values.items():
        setattr(progress, name, value)
    progress.save(update_fields=list(values))


def move(using: str, label: str, old: Mapping[str, str | None], values: Mapping[str, Any]) -> bool:
    """Change the rows of all shards of a counter, if the notes of those names are still the old ones."""
    same = {f"{name}__isnull" if note is None else name: note is None or note for name, note in old.items()}
    return bool(Progress.objects.using(using).filter(counter=label, **same).update(**values))


def update(using: str, label: str, values: Mapping[str, Any]) -> None:
    """Change the rows of all shards of a counter."""
    Progress.objects.using(using).filter(counter=label).update(**values)
