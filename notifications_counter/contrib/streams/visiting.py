"""Visitors: a function over all keys of a table, beside its processors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from ...applying.retries import retried
from .logs.embedded_sql import locked
from .processor import Processor
from .tables import Table

#: Keys that one transaction visits.
KEYS_AT_ONCE = 500


def visit(
    processor: Processor,
    function: Callable[[Any, Any], Any],
    *,
    prefix: str = "",
    after: str = "",
    progress: Callable[[int, Any], object] | None = None,
) -> int:
    """Call a function with each key and value of a processor's table; what it returns becomes the value.

    Safe while processors run: the rows that are being visited are locked, so that neither overwrites what the other has
    written. In a table of counts the difference is added.

    Args:
        processor: the processor.
        function: called with a key and its value, again where its transaction must be repeated; returns the new value,
            or the same one to change nothing. None deletes the row, but not in a table of counts.
        prefix: only keys that begin so.
        after: only keys behind this one, as ``progress`` was told of it, to go on after an interruption.
        progress: called after each commit with how many keys have been visited, and with the last of them.

    Returns:
        How many keys were visited.

    Raises:
        ValueError: what the function has returned is no value of the table.
        InvalidSettings: the processor has no table, or one with composite keys.
    """
    table, visited = processor.key_table(), 0
    while keys := retried(f"the visit of {processor.group}", table.using, _visit_some, table, function, prefix, after):
        visited, after = visited + len(keys), keys[-1]
        if progress is not None:
            progress(visited, after)
    return visited


def _visit_some(table: Table, function: Callable[[Any, Any], Any], prefix: str, after: Any) -> list[Any]:
    keys = [key for key, _ in table.page(prefix, after, KEYS_AT_ONCE)]
    if not keys:
        return []
    with transaction.atomic(table.using):
        rows = locked(table.rows.filter(pk__in=keys).order_by("pk"))
        values = {pk: table.value_of(values) for pk, *values in rows.values_list("pk", *table.names)}
        opened = table.open(keys)
        for key, value in values.items():
            found = function(key, value)
            if found != value:
                opened.set(key, found)
        opened.write()
    return keys
