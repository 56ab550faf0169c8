"""Deltas of counters that nobody declares any more: renamed, or removed."""

from __future__ import annotations

from django.db.models import Count

from ..compat.uncached import rows_of
from ..declaration.registry import declarations
from ..exceptions import quoted
from .introspection import Tables
from .tables import Delta, Progress


def sentences(using: str) -> list[str]:
    """What is pending on a database alias of counters that are not declared, a sentence for each counter."""
    if not Tables(using).has(Delta, Progress):
        return []
    declared = {counter.label for counter in declarations()}
    rows = rows_of(Delta, using).exclude(counter__in=declared).values_list("counter").annotate(number=Count("id"))
    pending = dict(rows.order_by("counter"))
    outside = rows_of(Progress, using).exclude(counter__in=declared).exclude(prefix="")
    found = [
        f"{using}: no counter is called {quoted(label)} any more, and {number} of its deltas are pending."
        for label, number in pending.items()
    ]
    return found + [
        f"{using}: no counter is called {quoted(label)} any more, and some of its deltas may be pending in Redis."
        for label in sorted(set(outside.values_list("counter", flat=True)) - pending.keys())
    ]
