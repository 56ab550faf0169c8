"""Tables: a model with one row for each key. A counter of events makes it a table of counts; else it is any state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, models
from django.db.models.functions import Left

from ...compat.uncached import rows_of
from ...conf import is_integer
from ...counters import Counter, counters
from ...exceptions import InvalidKey, InvalidSettings, quoted
from .logs.embedded_sql import locked

#: Keys that one statement names: SQLite takes 999 parameters in its oldest builds.
KEYS_A_STATEMENT = 900


class Table:
    """The table of a group.

    Args:
        model: the model.
        using: the alias of the database.

    Raises:
        InvalidSettings: the model is none of which a table could be.
    """

    #: Whether it is a table of counts.
    counts = False

    def __init__(self, model: type[models.Model], using: str) -> None:
        self.model = model
        self.using = using
        self.key_fields = model._meta.pk_fields
        self.is_composite = len(self.key_fields) > 1
        self.fields = [
            one
            for one in model._meta.concrete_fields
            if one not in self.key_fields and not getattr(one, "generated", 0)
        ]
        if not self.fields:
            raise InvalidSettings(f"{model._meta.label} cannot be a table: it has no field besides its key.")

    def key(self, given: Any) -> Any:
        """The primary key of a key as messages have it, in text.

        Raises:
            InvalidKey: the model can have no such key.
        """
        parts = given if isinstance(given, tuple) else (given,)
        if len(parts) != len(self.key_fields):
            raise InvalidKey(f"{quoted(given)} cannot be a key of {self.model._meta.label}.")
        try:
            found = [_target(field).to_python(part) for field, part in zip(self.key_fields, parts, strict=True)]
        except (ValidationError, TypeError, ValueError) as error:
            raise InvalidKey(f"{quoted(given)} cannot be a key of {self.model._meta.label}.") from error
        return tuple(found) if self.is_composite else found[0]

    @property
    def rows(self) -> models.QuerySet[Any]:
        """All rows of the model."""
        return rows_of(self.model, self.using)

    def read(self, keys: Iterable[Any], *, lock: bool = False) -> dict[Any, Any]:
        """Primary key -> value, of those that have a row.

        Args:
            keys: the primary keys.
            lock: whether to lock the rows until the open transaction ends.
        """
        found, wanted = {}, list(dict.fromkeys(keys))
        for start in range(0, len(wanted), KEYS_A_STATEMENT):
            part = wanted[start : start + KEYS_A_STATEMENT]
            rows = self.rows.filter(pk__in=part)
            rows = locked(rows.order_by("pk")) if lock else rows
            found.update({pk: self.value_of(values) for pk, *values in rows.values_list("pk", *self.names)})
        return found

    @property
    def names(self) -> list[str]:
        """The fields that make up a value."""
        return [field.attname for field in self.fields]

    def value_of(self, values: list[Any]) -> Any:
        """A value: that of the only field, else a dictionary of the fields."""
        return values[0] if len(values) == 1 else dict(zip(self.names, values, strict=True))

    def get(self, key: Any) -> Any:
        """The value of a key as messages have it; None for one that has no row.

        Raises:
            InvalidKey: the model can have no such key.
        """
        pk = self.key(key)
        return self.read([pk]).get(pk)

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[Any, Any]]:
        """Keys and values, in the order of the keys.

        Args:
            prefix: only keys that begin so.
            after: only keys behind this one.
            limit: so many at most.
        """
        rows = self.rows.order_by("pk")
        if prefix:  # the comparison of SQLite's LIKE ignores case, and the other one uses no index
            rows = rows.alias(begins=Left("pk", len(prefix))).filter(pk__startswith=prefix, begins=prefix)
        if after:
            rows = rows.filter(pk__gt=after)
        return [(pk, self.value_of(values)) for pk, *values in rows.values_list("pk", *self.names)[:limit]]

    def open(self, keys: Iterable[Any]) -> OpenTable:
        """The table in the transaction of a chunk, whose messages have these keys."""
        return OpenTable(self, keys)


class CountTable(Table):
    """A table of counts.

    Args:
        counter: its counter of events.
        using: the alias of the database.
    """

    counts = True

    def __init__(self, counter: Counter, using: str) -> None:
        super().__init__(counter.model, using)
        self.counter = counter
        self.fields = [counter.field]

    def open(self, keys: Iterable[Any]) -> OpenCounts:
        return OpenCounts(self, keys)


class OpenTable:
    """A table while a chunk is being processed: rows of all its keys are read at once, and written at once.

    Args:
        table: the table.
        keys: the keys of the chunk's messages, which are looked at once, if at all.
    """

    #: Whether rows are locked when they are read, so that a visitor does not change them before they are written.
    locks = True

    def __init__(self, table: Any, keys: Iterable[Any]) -> None:
        self.table = table
        self.keys = keys
        self.values: dict[Any, Any] | None = None
        self.known: set[Any] = set()
        self.changed: dict[Any, None] = {}

    def get(self, key: Any) -> Any:
        """The value of a key; None for one that has none."""
        return self._known(self.table.key(key)).get(self.table.key(key))

    def _known(self, pk: Any) -> dict[Any, Any]:
        """The values, with that of a primary key if it has any."""
        if self.values is None:
            self.known = set(map(self.table.key, self.keys))
            self.values = self.table.read(sorted(self.known), lock=self.locks)
        if pk not in self.known:
            self.known.add(pk)
            self.values |= self.table.read([pk], lock=self.locks)
        return self.values

    def set(self, key: Any, value: Any) -> None:
        """Give a key a value: that of the only field, or a dictionary of fields; None deletes its row."""
        pk = self.table.key(key)
        self._check(value)
        self._known(pk)[pk] = value
        self.changed[pk] = None

    def _check(self, value: Any) -> None:
        names = self.table.names
        if value is not None and len(names) > 1 and (not isinstance(value, Mapping) or not {*value} <= {*names}):
            raise ValueError(
                f"{quoted(value)} is no value of {self.table.model._meta.label}: give a dictionary of {names}."
            )

    def add(self, key: Any, amount: int) -> None:
        """Add to the count of a key; only in a table of counts."""
        raise TypeError(f"{self.table.model._meta.label} is no table of counts: use set_value.")

    def write(self) -> None:
        """Write what has changed, in the transaction that is open."""
        values = self.values or {}
        gone = [pk for pk in self.changed if values[pk] is None]
        for start in range(0, len(gone), KEYS_A_STATEMENT):
            self.table.rows.filter(pk__in=gone[start : start + KEYS_A_STATEMENT]).delete()
        rows = [self._row(pk, values[pk]) for pk in sorted(self.changed) if values[pk] is not None]
        if rows:
            names = [field.name for field in self.table.fields]
            unique = [field.name for field in self.table.key_fields]
            needs_target = connections[self.table.using].features.supports_update_conflicts_with_target
            self.table.rows.bulk_create(
                rows, update_conflicts=True, update_fields=names, unique_fields=unique if needs_target else None
            )

    def _row(self, pk: Any, value: Any) -> Any:
        parts = pk if self.table.is_composite else (pk,)
        given = dict(zip((field.attname for field in self.table.key_fields), parts, strict=True))
        values = value if len(self.table.names) > 1 else {self.table.names[0]: value}
        return self.table.model(**given, **values)


class OpenLookup(OpenTable):
    """A table of which a chunk only reads."""

    locks = False


class OpenCounts(OpenTable):
    """A table of counts while a chunk is being processed."""

    locks = False  # differences are added, whatever the count is by then

    def __init__(self, table: CountTable, keys: Iterable[Any]) -> None:
        super().__init__(table, keys)
        self.amounts: dict[Any, int] = {}

    def get(self, key: Any) -> Any:
        pk, amount = self.table.key(key), self.amounts.get(key, 0)
        stored = self._known(pk).get(pk)
        return stored if stored is None and not amount else (stored or 0) + amount

    def set(self, key: Any, value: Any) -> None:
        """Give a key a count: what is missing to it is added."""
        if not is_integer(value):
            raise ValueError(f"{quoted(value)} is no count: give an integer.")
        self.add(key, value - (self.get(key) or 0))

    def add(self, key: Any, amount: int) -> None:
        """Add to the count of a key."""
        if not is_integer(amount):
            raise ValueError(f"{quoted(amount)} cannot be added to a count: give an integer.")
        self.amounts[key] = self.amounts.get(key, 0) + amount
        self.changed[key] = None

    def count(self, amounts: Mapping[Any, int]) -> None:
        """Add to the counts of many keys, for which nothing has been read or added before."""
        self.amounts = dict(amounts)
        self.changed = dict.fromkeys(amounts)

    def write(self) -> None:
        self.table.counter.add_to_rows(self.amounts, using=self.table.using)


def _target(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    while field.remote_field is not None:
        field = field.target_field  # type: ignore[attr-defined]
    return field


def table_of(given: Any, using: str) -> Table:
    """The table that is meant.

    Args:
        given: a model, or a counter of events.
        using: the alias of the database.

    Raises:
        InvalidSettings: it is neither, or the model has more than one counter of events.
    """
    if isinstance(given, Counter):
        if given.source is not None:
            raise InvalidSettings(f"{given.label} counts rows: a table of a stream needs a counter of events.")
        return CountTable(given, using)
    if not isinstance(given, type) or not issubclass(given, models.Model):
        raise InvalidSettings(f"{quoted(given)} is no table: give a model, or a counter of events.")
    found = [one for one in counters() if one.model is given]
    if len(found) > 1:
        raise InvalidSettings(f"{given._meta.label} has several counters: give the one that is meant as table=.")
    return table_of(found[0], using) if found else Table(given, using)
