"""Triggers that run for each row, as SQLite, MariaDB and MySQL have them."""

from __future__ import annotations

from .counted import Counted

OLD, NEW = "OLD", "NEW"


def counts(counted: Counted, row: str) -> str:
    return f"({counted.counts(row)} IS TRUE)"


def changes(counted: Counted, event: str, same: str) -> list[tuple[str, str, int]]:
    """The deltas of one row.

    Args:
        counted: the counter's rows.
        event: ``INSERT``, ``UPDATE`` or ``DELETE``.
        same: the condition that both rows of an update have the same key, to the byte.

    Returns:
        For each possible delta: its condition, the row whose key it is for, and its amount.
    """
    before, after = counts(counted, OLD), counts(counted, NEW)
    if event == "INSERT":
        return [(after, NEW, 1)]
    if event == "DELETE":
        return [(before, OLD, -1)]
    return [
        (f"{before} AND NOT ({after} AND {same})", OLD, -1),
        (f"{after} AND NOT ({before} AND {same})", NEW, 1),
    ]
