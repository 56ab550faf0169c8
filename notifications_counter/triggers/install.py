"""The triggers of counters with ``capture="triggers"``: installed, compared with the declarations, dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction

from ..buffers.recording import store_of
from ..compat.uncached import rows_of
from ..declaration.counter import CounterDeclaration
from ..declaration.problems import is_usable
from ..declaration.registry import declarations
from ..ledger import progress
from ..ledger.introspection import Tables
from ..ledger.tables import Delta, Progress
from .plan import touches, touches_table
from .sql import Installed, Part, TriggerDialect, names, trigger_dialect
from .sql.counted import Counted


def by_triggers(tables: Tables) -> list[CounterDeclaration]:
    """The counters that must have triggers on an alias."""
    return [counter for counter in tables.counters() if counter.capture == "triggers"]


@dataclass
class Difference:
    """How what a database has differs from what is declared.

    Attributes:
        missing: counters without triggers.
        changed: counters whose triggers are others, or not all there.
        left: triggers of counters that no longer ask for them, or that are no longer declared.
    """

    missing: list[CounterDeclaration] = field(default_factory=list)
    changed: list[CounterDeclaration] = field(default_factory=list)
    left: list[Installed] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.left)


class Triggers:
    """The triggers on one database alias."""

    def __init__(self, tables: Tables) -> None:
        self.using = tables.using
        self.tables = tables
        self.connection = connections[tables.using]
        self.dialect: TriggerDialect | None = trigger_dialect(self.connection)

    @property
    def possible(self) -> bool:
        """Whether there are triggers for this database, and the tables that they need."""
        return self.dialect is not None and self.tables.has(Delta, Progress)

    def compare(self) -> Difference:
        """What differs; nothing where no triggers are possible."""
        difference = Difference()
        if not self.possible:
            return difference
        installed = _by_label(self._dialect.installed())
        for counter in by_triggers(self.tables):
            there = installed.pop(names.digest(counter.label), [])
            if not there:
                difference.missing.append(counter)
            elif not _agree(there, self._dialect.parts(counter)):
                difference.changed.append(counter)
        for counter in declarations():  # what one that is declared wrongly has stays until it is corrected
            if not is_usable(counter):
                installed.pop(names.digest(counter.label), None)
        difference.left = [one for left in installed.values() for one in left]
        return difference

    def install(self) -> Iterator[str]:
        """Make what the database has what is declared; what agrees already is not touched.

        Returns:
            What was done, a sentence each.
        """
        difference = self.compare()
        for counter in (*difference.missing, *difference.changed):
            self._replace(counter)
            yield f"{counter.label}: installed its triggers."
        for label, left in _by_label(difference.left).items():
            self._remove(label, left)
            yield f"Dropped {', '.join(one.name for one in left)}: no counter asks for it."

    def make_way(self, plan: Iterable[Any]) -> Iterator[str]:
        """Drop the triggers that read columns which migrations are about to rename or remove.

        Args:
            plan: as ``pre_migrate`` gives it.

        Returns:
            What was done, a sentence each.
        """
        if not plan or not self.possible:
            return
        changed = self.compare().changed
        installed = _by_label(self._dialect.installed())
        for counter in by_triggers(self.tables):
            counted, label = Counted(counter, self.connection), names.digest(counter.label)
            # Those that are others than declared may read any column of the table.
            if label in installed and (touches_table if counter in changed else touches)(counted, plan):
                self._remove(label, installed[label])
                yield f"{counter.label}: dropped its triggers until the migrations are done."

    @property
    def _dialect(self) -> TriggerDialect:
        assert self.dialect is not None
        return self.dialect

    def _replace(self, counter: CounterDeclaration) -> None:
        label = names.digest(counter.label)
        with transaction.atomic(using=self.using):
            self._uncount(counter)
            self._drop(_by_label(self._dialect.installed()).get(label, []))
            for part in self._dialect.parts(counter):
                self._execute(part.sql)
        self._count_if_empty(counter)

    def _remove(self, label: str, left: list[Installed]) -> None:
        with transaction.atomic(using=self.using):
            for counter in declarations():
                if names.digest(counter.label) == label:
                    self._uncount(counter)
            self._drop(left)

    def _drop(self, installed: list[Installed]) -> None:
        for one in installed:
            self._execute(self._dialect.drop(one))

    def _execute(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def _uncount(self, counter: CounterDeclaration) -> None:
        """What changed without triggers, or with two ways of capture at once, is unknown: it must be backfilled."""
        progress.update(self.using, counter.label, {"backfilled": False})

    def _count_if_empty(self, counter: CounterDeclaration) -> None:
        """From here on every change is counted. Where nothing is, nothing need be counted anew."""
        pending = rows_of(Delta, self.using).filter(counter=counter.label)
        stored = rows_of(counter.model, self.using)
        if not (store_of(counter, self.using).has_rows() or pending.exists() or stored.exists()):
            progress.update(self.using, counter.label, {"backfilled": True})


def forget_pending(using: str, counter: CounterDeclaration) -> None:
    """Forget the deltas that emptying all tables has left, before the counter's progress begins.

    ``manage.py flush`` may empty the table of deltas before the sources, whose triggers then leave new ones.
    """
    if counter.capture == "triggers" and not rows_of(Progress, using).filter(counter=counter.label).exists():
        rows_of(Delta, using).filter(counter=counter.label).delete()


def _by_label(installed: list[Installed]) -> dict[str, list[Installed]]:
    found: dict[str, list[Installed]] = {}
    for one in installed:
        found.setdefault(names.label_digest(one.name) or "", []).append(one)
    return found


def _agree(installed: list[Installed], declared: list[Part]) -> bool:
    return sorted(one.name for one in installed if one.works) == sorted(part.name for part in declared)
