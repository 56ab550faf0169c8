"""What several counters of one database have of one owner, by one statement: nothing can change between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections, models

from ..declaration.key_text import joined_sql
from ..dialects import dialect_of
from .snapshot import Snapshot
from .store import CounterStore

#: A counter on one alias, and the text of a key, or of a group where its keys are composite.
Wanted = Sequence[tuple[CounterStore, str]]

NUMBERS = [f"n{place}" for place in range(7)]


def snapshots(wanted: Wanted, rows: models.QuerySet[Any, Any] | None = None) -> tuple[list[Snapshot], int | None]:
    """The snapshots of several counters, in their order.

    Args:
        wanted: the counters, all on one alias.
        rows: rows that are counted besides.

    Returns:
        The snapshots, and how many rows there are. A snapshot without any progress is of a counter that was never
        migrated there.
    """
    parts = [_part(place, store, key) for place, (store, key) in enumerate(wanted)]
    if rows is not None:
        parts.append(_counting(rows, wanted[0][0].using))
    statement = f"WITH {', '.join(named for named, _, _ in parts if named)} "
    statement += " UNION ALL ".join(select for _, select, _ in parts)
    found, counted = [Snapshot() for _ in wanted], None
    with connections[wanted[0][0].using].cursor() as cursor:
        cursor.execute(statement, [parameter for _, _, parameters in parts for parameter in parameters])
        for place, part, text, *numbers in cursor.fetchall():
            if place < 0:
                counted = int(numbers[0])
            else:
                store = wanted[place][0]
                store.put(found[place], int(part), store.counter.keys.checked(text) if part == 0 else text, numbers)
    return found, counted


def _part(place: int, store: CounterStore, key: str) -> tuple[str, str, Sequence[Any]]:
    """The statement of a counter by a name, and the rows of it with the key as one text, whatever its columns are."""
    statement, parameters = store.statement(key)
    dialect, name = dialect_of(store.connection), f"s{place}"
    columns = [f"k{number}" for number in range(len(store.counter.keys.parts))]
    text = joined_sql([dialect.text(column) for column in columns], dialect)
    numbers = ", ".join(NUMBERS)
    named = f"{name} (part, {', '.join(columns)}, said, {numbers}) AS ({statement})"
    said = f"CASE WHEN part = 0 THEN {text} ELSE {dialect.text('said')} END{dialect.bytewise}"
    return named, f"SELECT {place}, part, {said}, {numbers} FROM {name}", parameters


def _counting(rows: models.QuerySet[Any, Any], using: str) -> tuple[str, str, Sequence[Any]]:
    sql, parameters = rows.order_by().values("pk").query.get_compiler(using).as_sql()
    return "", f"SELECT -1, 0, NULL, COUNT(*), 0, 0, 0, 0, 0, 0 FROM ({sql}) c", parameters
