"""What each database does in its own way: one class for each vendor."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...models import SearchDocument
from .words import CLASSES, Asked

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration

TABLE = SearchDocument._meta.db_table

#: Values that one facet counts, the most frequent.
MOST_VALUES = 50


#: How many documents are looked up for each suggestion: several may have the same text.
SPARE = 3


@dataclass
class Part:
    """SQL with its parameters."""

    sql: str = ""
    parameters: list[Any] = field(default_factory=list)


class Dialect(ABC):
    """The search of one connection.

    In all SQL, ``d`` is the table of documents.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.quote = connection.ops.quote_name
        self.table = self.quote(TABLE)

    @staticmethod
    def stored(text: str) -> str:
        """Words as they are stored."""
        return text

    # What is beside the table

    @abstractmethod
    def install(self) -> bool:
        """Make what is missing; whether anything was, so that it may lack what the table has."""

    def written(self, index: SearchDeclaration, ids: Sequence[int], names: Iterable[str]) -> None:  # noqa: B027
        """Documents have been written: bring up to date what the database does not by itself.

        Args:
            index: whose documents they are.
            ids: their ids.
            names: the words that are suggested of them.
        """

    def deleting(self, index: SearchDeclaration, ids: Sequence[int]) -> None:  # noqa: B027
        """Documents are about to be deleted."""

    def fill(self) -> None:  # noqa: B027
        """Make everything beside the table anew, of what is in it."""

    def problems(self) -> list[str]:
        """What is wrong with what is beside the table, a sentence each."""
        return []

    # Search

    @abstractmethod
    def match(self, index: SearchDeclaration, words: Sequence[str], every: bool = True) -> tuple[Part, Part, Part]:
        """A join, the condition under which all of the words (or any) are there, and a score, greater for better."""

    @abstractmethod
    def names(self, index: SearchDeclaration, asked: Asked, size: int) -> Iterable[tuple[Part, Part, int]]:
        """Where so many suggestions are looked for, one place after the other.

        Each is a source with ``d`` in it, a condition, and how many are enough not to look in the next one. What is
        found in one is more popular than what is not.
        """

    def similar_names(self, index: SearchDeclaration, asked: Asked) -> list[Asked]:
        """What else to look for where a word may have been typed wrongly; nothing where the database knows none."""
        return []

    @abstractmethod
    def has(self, name: str, values: Sequence[Any]) -> Part:
        """The condition that a field has one of some values."""

    @abstractmethod
    def between(self, name: str, kind: str, bounds: Mapping[str, Any]) -> Part:
        """The condition that a value of a field is within bounds."""

    @abstractmethod
    def is_empty(self, name: str) -> Part:
        """The condition that a field has no value."""

    @abstractmethod
    def first(self, name: str, kind: str) -> str:
        """The first value of a field, to sort by; NULL without any."""

    @abstractmethod
    def each(self, name: str, kind: str) -> tuple[str, str]:
        """A join with all values of a field, and the value."""

    def read(self, value: Any, kind: str) -> Any:
        """A value as Python has it, of one that ``each`` has given."""
        if kind == "boolean":
            return bool(value) if not isinstance(value, str) else value == "true"
        return value

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """What a statement finds."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    def columns(self, alias: str = "d") -> list[str]:
        """The columns of words."""
        return [f"{alias}.words_{one}" for one in CLASSES]

    @staticmethod
    def marks(values: Sequence[Any]) -> str:
        """Placeholders."""
        return ", ".join(["%s"] * len(values))


OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def as_json(value: Any) -> str:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False)
