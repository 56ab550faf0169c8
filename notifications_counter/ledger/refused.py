"""Keys that the table of a count model refuses: set aside, so that they keep no other key from being counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from ..compat.uncached import rows_of
from .tables import RefusedKey

#: Seconds before a key is tried again, and how many one flush tries.
PAUSE, MOST_TRIED = 60, 20

#: How many keys a status names.
MOST_NAMED = 10

#: How much of a database's words is kept.
LONGEST_REASON = 300


def keys(using: str, label: str) -> set[str]:
    """The keys of a counter that are set aside."""
    return set(rows_of(RefusedKey, using).filter(counter=label).values_list("key", flat=True))


def due(using: str, label: str) -> list[str]:
    """Those that are to be tried again, the oldest first."""
    before = timezone.now() - timedelta(seconds=PAUSE)
    rows = rows_of(RefusedKey, using).filter(counter=label, tried_at__lte=before)
    return list(rows.order_by("tried_at", "id").values_list("key", flat=True)[:MOST_TRIED])


def note(using: str, label: str, key: str, reason: str) -> None:
    """Set a key aside, or note that it was tried again in vain."""
    values = {"reason": reason[:LONGEST_REASON], "tried_at": timezone.now()}
    rows_of(RefusedKey, using).update_or_create(counter=label, key=key, defaults=values)


def forget(using: str, label: str, key: str) -> None:
    """A key was taken after all."""
    rows_of(RefusedKey, using).filter(counter=label, key=key).delete()


def try_again(using: str, label: str, keys: Iterable[str] | None = None) -> None:
    """Let the next flush try keys again, or all of them."""
    rows = rows_of(RefusedKey, using).filter(counter=label)
    if keys is not None:
        rows = rows.filter(key__in=list(keys))
    rows.update(tried_at=timezone.now() - timedelta(days=365))


def named(using: str, label: str) -> dict[str, str]:
    """The first keys that are set aside, and why."""
    rows = rows_of(RefusedKey, using).filter(counter=label).order_by("id")
    return dict(rows.values_list("key", "reason")[:MOST_NAMED])
