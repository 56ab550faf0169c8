"""Triggers that run for each row, as SQLite, MariaDB and MySQL have them."""

from __future__ import annotations

from .counted import Counted

OLD, NEW = "OLD", "NEW"


def counts(counted: Counted, row: str) -> str:
    return f"({counted.counts(row)} IS TRUE)"


def changes(counted: Counted, event: str, same: str) -> list[tuple[str, str, str]]:
    """The deltas of one row.

    Args:
        counted: the counter's rows.
        event: ``INSERT``, ``UPDATE`` or ``DELETE``.
        same: the condition that both rows of an update have the same key, to the byte.

    Returns:
        For each possible delta: its condition, the row whose key it is for, and its amount.
    """
    before, after = counts(counted, OLD), counts(counted, NEW)
    minus, plus = f"-{counted.units_of(OLD)}", counted.units_of(NEW)
    if event == "INSERT":
        return _but_zero(counted, [(after, NEW, plus)])
    if event == "DELETE":
        return _but_zero(counted, [(before, OLD, minus)])
    found = [
        (f"{before} AND NOT ({after} AND {same})", OLD, minus),
        (f"{after} AND NOT ({before} AND {same})", NEW, plus),
    ]
    if counted.amount is not None:
        found.append((f"{before} AND {after} AND {same}", NEW, f"{plus} {minus}"))
    return _but_zero(counted, found)


def _but_zero(counted: Counted, deltas: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Only those that change something, as each does where rows are counted."""
    if counted.amount is None:
        return deltas
    return [(f"{condition} AND {amount} <> 0", row, amount) for condition, row, amount in deltas]
