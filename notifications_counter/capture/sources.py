"""The rows of a source, and which counts each of them belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from django.db import connections, models
from django.db.models import Case, F, Value, When

from ..buffers.recording import record
from ..declaration import conditions
from ..declaration.counter import CounterDeclaration as Counter
from ..dialects import dialect_of
from ..exceptions import CountingConflict

#: Rows a statement: SQLite takes 999 parameters in its oldest builds.
BATCH = 400

#: What most columns hold, and no expression is.
PLAIN = frozenset({int, bool, str, type(None)})

#: Stands for a column that an instance does not have: its value is read back, as that of an expression is.
UNKNOWN = F("pk")

#: Counter -> the key under which it counts a row, or None where it does not count it.
Keys = dict[Counter, str | None]
#: Counter -> key -> change.
Changes = dict[Counter, dict[str, int]]

UNCOUNTED: Keys = {}


class Source:
    """A model whose rows are counted, with all counters that count them."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.counters: list[Counter] = []

    def add(self, counter: Counter) -> None:
        if counter not in self.counters:
            self.counters.append(counter)
            for name in ("columns", "_rules"):
                self.__dict__.pop(name, None)

    @cached_property
    def columns(self) -> frozenset[str]:
        """The attribute names of all columns that say whether and for whom a row counts."""
        found = {self.key_column(counter).attname for counter in self.counters}
        for counter in self.counters:
            found.update(conditions.field_names(counter.filter, self.model))
        return frozenset(found)

    def key_column(self, counter: Counter) -> models.Field[Any, Any]:
        return conditions.column(self.model, counter.source_key or "")

    def counted_on(self, using: str) -> list[Counter]:
        return [counter for counter in self.counters if counter.using in (None, using)]

    def attnames(self, names: Iterable[str]) -> set[str]:
        """The attribute names of the columns that are named, each by its name or attribute name."""
        names = set(names)
        fields = self.model._meta.concrete_fields
        return {field.attname for field in fields if field.name in names or field.attname in names}

    def touches(self, names: Iterable[str]) -> bool:
        """Whether any of these fields says if, and for whom, a row counts."""
        return not self.columns.isdisjoint(self.attnames(names))

    def pk_of(self, instance: models.Model) -> Any:
        """The source's primary key of an instance, which may be one of a child with a table of its own."""
        return getattr(instance, self.model._meta.pk.attname)

    # In memory

    def keys_of(self, instances: Iterable[models.Model], using: str) -> list[Keys]:
        """What rows count for, as the instances have them just after they were saved; else read back, all at once."""
        instances = list(instances)
        known = [self._in_memory(instance, using) for instance in instances]
        unknown = [instance for instance, keys in zip(instances, known, strict=True) if keys is None]
        read = self.keys_in_database(unknown, using) if unknown else {}
        return [
            read.get(self.pk_of(instance), UNCOUNTED) if keys is None else keys
            for instance, keys in zip(instances, known, strict=True)
        ]

    def _in_memory(self, instance: models.Model, using: str) -> Keys | None:
        """None where only the database knows."""
        row = instance.__dict__
        for name in self.columns:
            value = row.get(name, UNKNOWN)
            if type(value) not in PLAIN and hasattr(value, "resolve_expression"):
                return None
        keys: Keys = {}
        for counter, key, counts in self._rules:
            if counter.using in (None, using):
                counted = counts(row)
                if counted is None:
                    return None
                keys[counter] = self._key(counter, row[key]) if counted else None
        return keys

    @cached_property
    def _rules(self) -> list[tuple[Counter, str, Callable[[conditions.Row], bool | None]]]:
        """Counter, the attribute that is its key, and whether it counts a row: found once, and used for each row."""
        return [
            (counter, self.key_column(counter).attname, conditions.matcher(counter.filter, self.model))
            for counter in self.counters
        ]

    @staticmethod
    def _key(counter: Counter, value: Any) -> str | None:
        return None if value is None else counter.key_text(value)

    # In the database

    def rows(self, using: str) -> models.QuerySet[Any]:
        """All rows, by a queryset that counts nothing itself."""
        return models.QuerySet(self.model, using=using)

    def _rows(self, using: str, pks: Iterable[Any]) -> models.QuerySet[Any]:
        return self.rows(using).filter(pk__in=list(pks))

    def keys_in_database(self, instances: Iterable[models.Model], using: str) -> dict[Any, Keys]:
        """What the instances' rows count for, read back.

        Raises:
            CountingConflict: the database did not say which primary keys it gave them.
        """
        pks = [self.pk_of(instance) for instance in instances]
        if None in pks:
            raise CountingConflict(
                f"{self.model._meta.label}: this database does not tell the primary keys of rows that bulk_create made,"
                " and only it knows whether they count. Create them one by one."
            )
        return self.lock_pks(pks, using)

    def lock_pks(self, pks: Iterable[Any], using: str) -> dict[Any, Keys]:
        """What the rows with these primary keys count for, locked: an unlocked read may see them in an old state."""
        pks = list(pks)
        found: dict[Any, Keys] = {}
        for start in range(0, len(pks), BATCH):
            found |= self.lock(self._rows(using, pks[start : start + BATCH]), using)
        return found

    def read(self, rows: models.QuerySet[Any], using: str) -> dict[Any, Keys]:
        """What rows count for: primary key -> keys."""
        counters = self.counted_on(using)
        names = [self.key_column(counter).attname for counter in counters]
        answers = {
            f"nc_counts_{place}": Case(When(counter.filter, then=Value(True)), default=Value(False))
            if counter.filter
            else Value(True)
            for place, counter in enumerate(counters)
        }
        found: dict[Any, Keys] = {}
        shared: dict[tuple[Any, ...], Keys] = {}  # most rows count for one of a few keys
        for pk, *values in rows.order_by().annotate(**answers).values_list("pk", *map(F, names), *answers):
            row = tuple(values)
            if row not in shared:
                keys, counts = row[: len(names)], row[len(names) :]
                shared[row] = {
                    counter: self._key(counter, key) if counted else None
                    for counter, key, counted in zip(counters, keys, counts, strict=True)
                }
            found[pk] = shared[row]
        return found

    def lock(self, rows: models.QuerySet[Any], using: str) -> dict[Any, Keys]:
        """As ``read``, with the rows locked until the transaction ends."""
        connection = connections[using]
        if not connection.in_atomic_block:  # a fixture's row that is saved by itself
            return self.read(rows, using)
        return self.read(dialect_of(connection).lock(rows, self._some_column()), using)

    def _some_column(self) -> str:
        return self.key_column(self.counters[0]).name

    def lock_one(self, using: str, pk: Any) -> Keys | None:
        """What a row counts for, locked; None where there is no such row."""
        return self.lock(self._rows(using, [pk]), using).get(pk)


def change(before: Keys, after: Keys) -> Changes:
    """The deltas of a row that counted as ``before`` and now counts as ``after``."""
    changes: Changes = {}
    for keys, amount in ((before, -1), (after, 1)):
        for counter, key in keys.items():
            if key is not None:
                deltas = changes.setdefault(counter, {})
                deltas[key] = deltas.get(key, 0) + amount
    return changes


def all_at_once(rows: Iterable[Keys], amount: int) -> Changes:
    """The deltas of rows of which each changes its count by the same amount: new ones by 1, deleted ones by -1."""
    changes: Changes = {}
    for keys in rows:
        for counter, key in keys.items():
            if key is not None:
                deltas = changes.setdefault(counter, {})
                deltas[key] = deltas.get(key, 0) + amount
    return changes


def total(changes: Iterable[Changes]) -> Changes:
    """The sum of many changes."""
    together: Changes = {}
    for one in changes:
        for counter, deltas in one.items():
            sums = together.setdefault(counter, {})
            for key, amount in deltas.items():
                sums[key] = sums.get(key, 0) + amount
    return together


def count(changes: Changes, using: str) -> None:
    """Hand changes to the counters' buffers, in the transaction that is open."""
    for counter, deltas in changes.items():
        record(counter, {key: amount for key, amount in deltas.items() if amount}, using)


_sources: dict[type[models.Model], Source] = {}


def source_of(model: type[models.Model]) -> Source | None:
    """The source that a model is, or of which it is a proxy, or whose table it inherits."""
    return next((_sources[base] for base in model.__mro__ if base in _sources), None)


def exact_source(model: Any) -> Source | None:
    """The source whose own table a model's is."""
    return _sources.get(model)


def sources() -> list[Source]:
    return list(_sources.values())


def make_source(model: type[models.Model]) -> Source:
    return _sources.setdefault(model, Source(model))
