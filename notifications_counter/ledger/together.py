"""What several counters of one database have of one owner, by one statement: nothing can change between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ..declaration.key_text import joined_sql
from ..dialects import dialect_of
from .identity import TABLE
from .snapshot import Snapshot
from .store import CounterStore

#: A counter on one alias, and the text of a key, or of a group where its keys are composite.
Wanted = Sequence[tuple[CounterStore, str]]

NUMBERS = [f"n{place}" for place in range(7)]

#: Instead of a counter's place, in the rows of what is seen besides.
ROWS, DATABASE = -1, -2


@dataclass
class Seen:
    """What one statement saw.

    Attributes:
        snapshots: of each counter; one without any progress is of a counter that was never migrated there.
        rows: how many further rows there are; None where none were to be counted.
        database_id: who the database is, as it says itself.
    """

    snapshots: list[Snapshot]
    rows: int | None = None
    database_id: str = ""


def see(wanted: Wanted, rows: models.QuerySet[Any, Any] | None = None) -> Seen:
    """The snapshots of several counters, in their order.

    Args:
        wanted: the counters, all on one alias.
        rows: rows that are counted besides.
    """
    connection = wanted[0][0].connection
    parts = [_part(place, store, key) for place, (store, key) in enumerate(wanted)]
    named, selects = [name for name, _, _ in parts], [select for _, select, _ in parts]
    parameters = [parameter for _, _, some in parts for parameter in some]
    selects.append(_identity(connection))
    if rows is not None:
        sql, some = rows.order_by().values("pk").query.get_compiler(connection.alias).as_sql()
        selects.append(f"SELECT {ROWS}, 0, NULL, COUNT(*), 0, 0, 0, 0, 0, 0 FROM ({sql}) c")
        parameters += some
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(named)} {' UNION ALL '.join(selects)}", parameters)
        return _seen(wanted, cursor.fetchall())


def _seen(wanted: Wanted, found: Sequence[Sequence[Any]]) -> Seen:
    seen = Seen([Snapshot() for _ in wanted])
    for place, part, text, *numbers in found:
        if place == ROWS:
            seen.rows = int(numbers[0])
        elif place == DATABASE:
            seen.database_id = text
        else:
            store = wanted[place][0]
            store.put(
                seen.snapshots[place], int(part), store.counter.keys.checked(text) if part == 0 else text, numbers
            )
    return seen


def _identity(connection: BaseDatabaseWrapper) -> str:
    quote, dialect = connection.ops.quote_name, dialect_of(connection)
    uid = f"{dialect.text(quote('uid'))}{dialect.bytewise}"
    return f"SELECT {DATABASE}, 0, {uid}, 0, 0, 0, 0, 0, 0, 0 FROM {quote(TABLE)}"


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
