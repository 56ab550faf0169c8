"""Counters of which the database calls keys equal that are written differently, as ``citext`` or ``NOCASE`` does.

Such keys have one row. Their deltas are pending as they were written, so reads look for all spellings of a key, by the
collation of the column, and add up what they find.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from ..declaration.counter import CounterDeclaration
from ..declaration.key_text import split_sql
from ..dialects import TextColumn, dialect_of
from ..dialects.comparison import text_columns
from .snapshot import Snapshot


class Spelling:
    """How the table of a counter's counts compares the texts of its keys.

    Args:
        counter: the counter.
        connection: the connection to the table's database.
    """

    def __init__(self, counter: CounterDeclaration, connection: BaseDatabaseWrapper) -> None:
        self.keys = counter.keys
        self.connection = connection
        self.table = counter.model._meta.db_table

    @property
    def columns(self) -> list[TextColumn | None]:
        """How each column of the key is compared; None for those that hold no text."""
        known = text_columns(self.connection, self.table)
        return [known.get(part.column.column or "") for part in self.keys.parts]

    @property
    def is_loose(self) -> bool:
        """Whether keys that are written differently may be one."""
        pairs = zip(self.columns, self.keys.parts, strict=True)
        return any(column is not None and column.is_loose and part.may_be_loose for column, part in pairs)

    def is_one_of(self, text: str, number: int) -> str:
        """The condition that the text of a key is one of so many; ``texts`` gives its parameters."""
        if len(self.columns) == 1:
            return f"{self._of(text, 0)} IN ({', '.join([self._of('%s', 0)] * number)})"
        same = self.is_written(text, ["%s"] * len(self.columns))
        return f"({' OR '.join([f'({same})'] * number)})"

    def is_written(self, text: str, others: Sequence[str]) -> str:
        """The condition that the text of a key is that of a key whose parts have other texts, which are SQL too."""
        pairs = enumerate(zip(self._parts(text), others, strict=True))
        return " AND ".join(f"{self._of(part, place)} = {self._of(other, place)}" for place, (part, other) in pairs)

    def is_of_group(self, text: str) -> str:
        """The condition that the first part of a key is a value, which is the parameter."""
        return f"{self._of(self._parts(text)[0], 0)} = {self._of('%s', 0)}"

    def texts(self, keys: Iterable[str]) -> list[str]:
        """The texts of the parts of keys."""
        return [text for key in keys for text in self.keys.split(key)]

    def classes(self, keys: Sequence[str]) -> dict[str, str]:
        """Key -> the first of the keys that is equal to it."""
        if len(keys) == 1:
            return {keys[0]: keys[0]}
        names = [f"nc_text{place}" for place in range(len(self.columns))]
        same = ", ".join(self._of(name, place) for place, name in enumerate(names))
        rows = dialect_of(self.connection).text_rows(names)
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT nc_place, MIN(nc_place) OVER (PARTITION BY {same}) FROM ({rows}) nc_k",
                [json.dumps([self.keys.split(key) for key in keys])],
            )
            return {keys[int(place)]: keys[int(least)] for place, least in cursor.fetchall()}

    def _parts(self, text: str) -> list[str]:
        return split_sql(text, len(self.columns), dialect_of(self.connection))

    def _of(self, sql: str, place: int) -> str:
        column = self.columns[place]
        return f"{sql}{dialect_of(self.connection).bytewise}" if column is None else column.of(sql)


def joined(snapshot: Snapshot, classes: Mapping[str, str], asked: Sequence[str]) -> Snapshot:
    """A snapshot in which equal keys are one, by the texts that were asked; else by the first one of each.

    Args:
        snapshot: what was seen, by texts as they are written in each place.
        classes: each of those texts, and of what was asked, -> the same one of all that are equal.
        asked: the keys that were asked; all others where there are none.
    """
    found = Snapshot(
        stored=_sums(snapshot.stored, classes),
        pending=_sums(snapshot.pending, classes),
        recount_requests={classes[key] for key in snapshot.recount_requests},
        actual=_sums(snapshot.actual, classes),
        shards=snapshot.shards,
    )
    if not asked:
        return found
    each = {key: classes[key] for key in asked}
    for name in ("stored", "pending", "actual"):
        sums = getattr(found, name)
        setattr(found, name, {key: sums[one] for key, one in each.items() if one in sums})
    found.recount_requests = {key for key, one in each.items() if one in found.recount_requests}
    return found


def _sums(amounts: Mapping[str, int], classes: Mapping[str, str]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for key, amount in amounts.items():
        sums[classes[key]] = sums.get(classes[key], 0) + amount
    return sums
