"""A recount of keys under the lock of their counter, for counts that are in the database alone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from . import deltas as waiting
from . import progress
from .progress import Layout
from .snapshot import Found, found_in
from .store import Stored


def correct_by_rows(stored: Stored, keys: Sequence[str]) -> dict[str, Found]:
    """Recount keys, and let what differs wait in the database.

    Raises:
        LayoutChanged: deltas may wait elsewhere too, where it is not seen.
    """
    using, label = stored.using, stored.label
    with transaction.atomic(using=using, durable=True):
        stored.check_layout(progress.lock(using, label, 0), Layout())
        asked = waiting.asked_of(using, label, keys)
        look = stored.look(keys, count=True)
        found = {key: found_in(look, key) for key in keys}
        stored.leave({key: one.difference for key, one in found.items() if one.difference})
        waiting.delete(using, asked)
    return found
