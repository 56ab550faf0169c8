"""The rows of a source: which columns matter, what a row holds in memory and in the database, under a lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, models
from django.db.models import Case, Value, When

from ..compat.uncached import rows_of, uncached
from ..declaration import conditions
from ..declaration.counter import CounterDeclaration as Counter
from ..declaration.keys import trusted_types
from ..declaration.registry import is_installed
from ..declaration.rows import key_names
from ..dialects import dialect_of
from ..exceptions import CountingConflict
from .summed import SummedDecimals

#: Rows a statement, where the database sets no limit of its own.
BATCH = 10_000

#: The values of a source's columns in one row, in the order of ``Source.names``, then what only the database can say.
Row = tuple[Any, ...]
#: Primary key -> row. The key of a composite one is a tuple.
Rows = dict[Any, Row]


class Share:
    """What the rows of a source contribute to one counter."""

    def __init__(self, counter: Counter, source: Source) -> None:
        self.counter = counter
        self._key = self._reader(source, key_names(counter))
        self._amount = source.places[amount_name(counter, source.model)] if counter.sum else None
        self._units = counter.amounts.of_value
        self.answers = conditions.compiled(counter.filter, source.model, source.places)

    @staticmethod
    def _reader(source: Source, names: Sequence[str]) -> Callable[[Row], Any]:
        return itemgetter(*(source.places[name] for name in names))

    def of(self, row: Row) -> tuple[str, int] | None:
        """The key under which a row counts, and by how much, in units; None where it does not count."""
        assert self.answers is not None
        if not self.answers(row):
            return None
        key = self._key(row)
        if key is None or (type(key) is tuple and None in key):
            return None
        return self.counter.key_text(key), 1 if self._amount is None else self._units(row[self._amount])


def amount_name(counter: Counter, model: type[models.Model]) -> str:
    """The attribute name of the column whose values a counter sums."""
    return conditions.column(model, counter.sum or "").attname


class Source:
    """A model whose rows are counted, or followed by a subscriber.

    Attributes:
        model: the model.
        declared: the counters that count its rows.
        counters: those of them whose apps are installed.
        followed: attribute names of columns that others want to know of.
    """

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.declared: list[Counter] = []
        self.counters: list[Counter] = []
        self.followed: set[str] = set()

    def add(self, counter: Counter) -> None:
        if counter not in self.declared:
            self.declared.append(counter)
            self.refresh()

    def refresh(self) -> None:
        """Look which counters are installed."""
        self.counters = [counter for counter in self.declared if is_installed(counter)]
        self._forget()

    def follow(self, names: Iterable[str]) -> None:
        """Read the columns with these attribute names too."""
        self.followed.update(names)
        self._forget()

    def _forget(self) -> None:
        """Work out anew what follows from the counters and what is followed."""
        for name in self.__dict__.keys() - {"model", "declared", "counters", "followed"}:
            del self.__dict__[name]
        self._accepted = set[tuple[type, ...]]()

    # Columns

    @cached_property
    def columns(self) -> frozenset[str]:
        """The attribute names of all columns that say whether, for whom and by how much a row counts."""
        found = set(self.followed)
        for counter in self.counters:
            found.update(key_names(counter), conditions.field_names(counter.filter, self.model))
            if counter.sum:
                found.add(amount_name(counter, self.model))
        return frozenset(found)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.columns))

    @cached_property
    def places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def pk_names(self) -> tuple[str, ...]:
        """The attribute names of the primary key's columns."""
        return tuple(field.attname for field in self._pk_fields)

    @cached_property
    def shares(self) -> list[Share]:
        """One for each counter; where only the database can answer a condition, a row holds its answer."""
        found = [Share(counter, self) for counter in self.counters]
        for place, share in enumerate(share for share in found if share.answers is None):
            share.answers = itemgetter(len(self.names) + place)
        return found

    @cached_property
    def _answers(self) -> dict[str, Case]:
        """The conditions that only the database can answer, under names that no model's field can have.

        As numbers: of a condition that always holds Django 6.1 makes a cast to a type that MariaDB does not know.
        """
        filters = (each.filter for each in self.counters)
        asked = (each for each in filters if conditions.compiled(each, self.model, self.places) is None)
        return {
            f"nc_counts_{place}_": Case(When(condition, then=Value(1)), default=Value(0))
            for place, condition in enumerate(asked)
        }

    def attnames(self, names: Iterable[str]) -> set[str]:
        """The attribute names of the columns that are named, each by its name or attribute name."""
        names = set(names)
        fields = self.model._meta.concrete_fields
        return {field.attname for field in fields if field.name in names or field.attname in names}

    def touches(self, names: Iterable[str]) -> bool:
        """Whether any of these fields says if, for whom, or by how much, a row counts."""
        return self._has_generated or not self.columns.isdisjoint(self.attnames(names))

    @cached_property
    def _has_generated(self) -> bool:
        """Whether a column follows from others, so that any of them may change it."""
        return any(getattr(conditions.column(self.model, name), "generated", False) for name in self.columns)

    def contributions(self, row: Row, using: str) -> Iterator[tuple[Counter, str, int]]:
        """Counter, key and amount of each count to which a row belongs."""
        for share in self.shares:
            if share.counter.using in (None, using) and (found := share.of(row)) is not None:
                yield share.counter, *found

    # In memory

    def pk_of(self, instance: models.Model) -> Any:
        """The source's primary key of an instance, which may be one of a child, as the database gives it."""
        if len(self.pk_names) == 1:
            value = getattr(instance, self.pk_names[0])
            if value is None and type(instance) is not self.model:
                value = self._linked_pk(instance)
            return value if type(value) in self._pk_types[0] else _python(self._pk_fields[0], value)
        values = tuple(getattr(instance, name) for name in self.pk_names)
        if None in values:
            return None
        return tuple(_python(field, value) for field, value in zip(self._pk_fields, values, strict=True))

    def _linked_pk(self, instance: models.Model) -> Any:
        """The primary key in the link of a child, of which Django fills the parent's own column only while it saves."""
        link = instance._meta.get_ancestor_link(self.model)
        if link is None or link.related_model._meta.pk is not self._parent_pk(link.related_model):
            return None
        return getattr(instance, link.attname)

    def _parent_pk(self, parent: type[models.Model]) -> Any:
        """The field of a parent that holds the primary key of the source."""
        return self._pk_fields[0] if parent is self.model else parent._meta.get_ancestor_link(self.model)

    @cached_property
    def _pk_fields(self) -> list[models.Field[Any, Any]]:
        return list(self.model._meta.pk_fields)

    @cached_property
    def _pk_types(self) -> list[frozenset[type]]:
        """The types of which the database gives back just what a program has set."""
        return [trusted_types(field) | {type(None)} for field in self._pk_fields]

    def in_memory(self, instance: models.Model) -> Row | None:
        """The row of an instance as it has just been saved, or is about to be; None where only the database knows."""
        try:
            row = self._values(instance.__dict__)
        except KeyError:  # deferred, or left to the database
            return None
        if self.is_trusted(row):
            return row
        row = tuple(value.value if isinstance(value, models.Choices) else value for value in row)
        return row if self.is_trusted(row) else None

    @cached_property
    def _values(self) -> Callable[[Mapping[str, Any]], Row]:
        names = self.names
        return itemgetter(*names) if len(names) > 1 else lambda values: tuple(values[name] for name in names)

    def is_trusted(self, row: Row) -> bool:
        """Whether the database will hold and compare these values just as Python does."""
        kinds = tuple(map(type, row))
        if kinds not in self._accepted:
            if self._answers or not all(kind in types for kind, types in zip(kinds, self._trusted, strict=True)):
                return False
            self._accepted.add(kinds)
        return not self._summed.types or self._summed.are_exact(row)

    @cached_property
    def _trusted(self) -> list[frozenset[type]]:
        found = {name: trusted_types(conditions.column(self.model, name)) for name in self.names}
        return list((found | self._summed.types).values())

    @cached_property
    def _summed(self) -> SummedDecimals:
        keys = {name for each in self.counters for name in key_names(each)}
        return SummedDecimals(self.model, self.counters, keys, self.places)

    def constants(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The columns that an update sets, as attribute name -> value; None where one of them is no constant."""
        found = self.assigned(values)
        return None if any(hasattr(value, "resolve_expression") for value in found.values()) else found

    def assigned(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that an update sets, as attribute name -> value or expression."""
        found: dict[str, Any] = {}
        for field in self.model._meta.concrete_fields:
            for name in {field.name, field.attname} & values.keys():
                value = values[name]
                if isinstance(value, models.Model) and field.remote_field is not None:
                    value = getattr(value, field.target_field.attname)  # type: ignore[attr-defined]
                found[field.attname] = value
        return found

    def changed_in_memory(self, row: Row, columns: Mapping[str, Any]) -> Row | None:
        """A row after an update to constants; None where only the database knows."""
        if self._answers:
            return None
        after = tuple(columns.get(name, value) for name, value in zip(self.names, row, strict=True))
        return after if self.is_trusted(after) else None

    def moved_pk(self, pk: Any, columns: Mapping[str, Any]) -> Any:
        """The primary key of a row after an update to constants."""
        if columns.keys().isdisjoint(self.pk_names):
            return pk
        old = (pk,) if len(self.pk_names) == 1 else pk
        new = tuple(
            _python(field, columns[field.attname]) if field.attname in columns else value
            for field, value in zip(self._pk_fields, old, strict=True)
        )
        return new[0] if len(new) == 1 else new

    # In the database

    def rows(self, using: str) -> models.QuerySet[Any]:
        return rows_of(self.model, using)

    def read(self, rows: models.QuerySet[Any]) -> Rows:
        rounded = self._summed.rounded if dialect_of(connections[rows.db]).decimal_digits else {}
        names = tuple(f"nc_{name}_" if name in rounded else name for name in self.names)
        columns = tuple(dict.fromkeys((*self.pk_names, *names)))
        if self._answers or rounded:
            rows = rows.annotate(**self._answers, **{f"nc_{name}_": value for name, value in rounded.items()})
        pk, row = _picker(columns, self.pk_names), _picker((*columns, *self._answers), (*names, *self._answers))
        single = len(self.pk_names) == 1
        found: Rows = {}
        for values in uncached(rows.order_by().values_list(*columns, *self._answers)):
            key = pk(values)
            found[key[0] if single else key] = row(values)
        return found

    def lock(self, rows: models.QuerySet[Any]) -> Rows:
        """Read rows, locked until the transaction ends: an unlocked read may see them in an old state."""
        return self.read(dialect_of(connections[rows.db]).lock(rows))

    def lock_pks(self, pks: Iterable[Any], using: str) -> Rows:
        """The rows with these primary keys, locked."""
        pks, found = list(pks), Rows()
        length = rows_a_statement(using, len(self.pk_names))
        for start in range(0, len(pks), length):
            found |= self.lock(self.rows(using).filter(pk__in=pks[start : start + length]))
        return found

    def lock_one(self, pk: Any, using: str) -> Row | None:
        """A row, locked; None where there is no such row."""
        return next(iter(self.lock(self.rows(using).filter(pk=pk)).values()), None)

    def lock_instances(self, instances: Iterable[models.Model], using: str) -> Rows:
        """The rows of instances that have been created.

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


def rows_a_statement(using: str, parameters: int = 1) -> int:
    """How many rows one statement may name that takes so many parameters for each."""
    most = connections[using].features.max_query_params
    return max(1, ((most - 50) if most else BATCH) // parameters)


def _picker(columns: Sequence[str], names: Sequence[str]) -> Callable[[Sequence[Any]], Row]:
    places = [columns.index(name) for name in names]
    return itemgetter(*places) if len(places) > 1 else lambda values: tuple(values[place] for place in places)


def _python(field: models.Field[Any, Any], value: Any) -> Any:
    """A value as the database gives it: a program may have set a number or a UUID as text."""
    if hasattr(value, "resolve_expression"):
        return value
    while field.remote_field is not None:
        field = field.target_field  # type: ignore[attr-defined]
    try:
        return field.to_python(value)
    except ValidationError:
        return value  # Django says what is wrong with it


_sources: dict[type[models.Model], Source] = {}
_of_model: dict[type[models.Model], tuple[Source, ...]] = {}


def sources_of(model: type[models.Model]) -> tuple[Source, ...]:
    """The sources in whose tables a model has its rows: its own and those of its parents."""
    try:
        return _of_model[model]
    except KeyError:
        return _of_model.setdefault(model, tuple(_sources[base] for base in model.__mro__ if base in _sources))


def exact_source(model: type[models.Model]) -> Source | None:
    """The source whose table is a model's own."""
    return _sources.get(model._meta.concrete_model or model)


def make_source(model: type[models.Model]) -> Source:
    """The source that a model is from now on."""
    _of_model.clear()
    return _sources.setdefault(model, Source(model))


def refresh_all() -> None:
    """Look which counters are installed, after other apps are."""
    for source in _sources.values():
        source.refresh()
