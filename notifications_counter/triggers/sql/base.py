"""What makes, finds and drops triggers, whatever the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...declaration.counter import CounterDeclaration
from . import names
from .counted import Counted


@dataclass(frozen=True)
class Part:
    """A trigger, or the function of triggers, to be created: its name, and what creates it."""

    name: str
    sql: str


@dataclass(frozen=True)
class Installed:
    """A trigger, or the function of triggers, that a database has.

    Attributes:
        name: its name.
        table: the quoted table of a trigger; empty for a function.
        works: false where it is disabled.
    """

    name: str
    table: str = ""
    works: bool = True


class TriggerDialect:
    """The triggers of one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def parts(self, counter: CounterDeclaration) -> list[Part]:
        """What is to be created for a counter, in that order."""
        counted = Counted(counter, self.connection)
        unnamed = self._parts(counted, names.PREFIX)
        return self._parts(counted, names.stem(counter.label, [part.sql for part in unnamed]))

    def installed(self) -> list[Installed]:
        """All triggers and functions of ours, in an order in which they can be dropped."""
        return [one for one in self._installed() if names.label_digest(one.name)]

    def drop(self, one: Installed) -> str:
        """What drops it."""
        return f"DROP TRIGGER IF EXISTS {self.connection.ops.quote_name(one.name)}"

    def cascades(self, table: str) -> list[tuple[str, str]]:
        """The foreign keys of a table through which the database changes rows unseen: name, and table referred to."""
        return []

    def hides_replaced(self) -> bool:
        """Whether no trigger sees the rows that an SQL ``REPLACE`` deletes."""
        return False

    def _parts(self, counted: Counted, stem: str) -> list[Part]:
        raise NotImplementedError

    def _installed(self) -> list[Installed]:
        raise NotImplementedError

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())
