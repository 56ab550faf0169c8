"""Reading many values in one query, beside the rows that they belong to: for the database buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from django.db import models
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest, NullIf

from .buffers.recording import configured_buffer
from .counters import Counter
from .declaration.amounts import StoredAmount, StoredUnits
from .declaration.digest import digest_of
from .declaration.key_text import joined_sql
from .declaration.keys import Part, target
from .declaration.rows import keyed, number_of_rows
from .dialects import dialect_of
from .exceptions import CounterError, InvalidKey, quoted
from .ledger.deltas import is_foreign
from .ledger.spelling import Spelling
from .ledger.tables import Delta, Progress
from .triggers.sql.keys import dashed

#: Stands for the field of a row that is the key, or identifies whose count it is.
PK = "pk"


#: Kinds of keys that the databases do not write as Python does.
UNWRITTEN = (
    *(models.BooleanField, models.DateTimeField, models.DecimalField),
    *(models.GenericIPAddressField, models.TimeField),
)


class AnnotationNotSupported(CounterError):
    """A counter's values are not all in the database."""


class CounterQuerySet(models.QuerySet[Any]):
    """A queryset that can carry the values of counters: ``CounterQuerySet(User).with_value(counter)``."""

    def with_value(self, counter: Counter, name: str = "value", key: str | Sequence[str] = PK) -> Self:
        """Annotate each row with the value of a key, in the same query.

        Args:
            counter: the counter, of the database buffer.
            name: the name of the annotation.
            key: the field that holds the key; of a composite one a field for each part, in their order. Without it
                what identifies the rows as keys: their primary key, or the field that the key refers to.

        Raises:
            AnnotationNotSupported: the counter's buffer is not the database; its ``values`` answers for many keys.
            InvalidKey: there are not as many fields as the key has parts, or the rows are of a model to which the key
                does not refer.
        """
        return self.annotate(**{name: value_of(counter, key)})


def value_of(counter: Counter, key: str | Sequence[str] = PK) -> Combinable:
    """An expression for the value of a key, for ``annotate``, ``filter`` and ``order_by``: an integer, or a decimal.

    Args:
        counter: the counter, of the database buffer.
        key: the field that holds the key; of a composite one a field for each part, in their order. Without it what
            identifies the rows as keys: their primary key, or the field that the key refers to.

    Raises:
        AnnotationNotSupported: the counter's buffer is not the database, or its keys are moments, decimals, booleans or
            IP addresses.
        InvalidKey: there are not as many fields as the key has parts; or, as soon as the expression is used, the rows
            are of a model to which the key does not refer.
    """
    if not configured_buffer(counter).supports_sql_annotation:
        raise AnnotationNotSupported(
            f"{counter.label}: its deltas are not all pending in the database. Use values(keys), which reads many keys"
            " at once."
        )
    unwritten = [part for part in counter.keys.parts if isinstance(part.field, UNWRITTEN)]
    if unwritten:
        raise AnnotationNotSupported(
            f"{counter.label}: SQL writes a {type(unwritten[0].field).__name__} otherwise than keys are written. Use"
            " values(keys)."
        )
    names = [key] if isinstance(key, str) else list(key)
    parts = [part.column.name for part in counter.keys.parts]
    if len(names) != len(parts):
        raise InvalidKey(
            f"{quoted(key)} holds no key of {counter.label}: give a field for each of ({', '.join(parts)})."
        )
    return KeyValue(counter, names)


class KeyValue(F):
    """The value of the key that each row of a query holds: which field that is, is known when the query is."""

    def __init__(self, counter: Counter, names: Sequence[str]) -> None:
        super().__init__(" ".join(names))
        self.counter = counter
        self.names = names

    def resolve_expression(self, query: Any = None, *args: Any, **kwargs: Any) -> Any:
        parts = zip(self.counter.keys.parts, self.names, strict=True)
        outer = [OuterRef(key_name(part, name, query.model)) for part, name in parts]
        resolved: Any = _value(self.counter, outer)
        return resolved.resolve_expression(query, *args, **kwargs)


def key_name(part: Part, name: str, model: type[models.Model]) -> str:
    """The name of the field by which rows of a model are found that hold a key in a field, or are what it refers to.

    Raises:
        InvalidKey: the key refers to another model.
    """
    owners = part.owners
    if name != PK or not owners.fields:
        return name
    field = owners.field_of(model)
    if field is not None:
        return field.name
    if target(model._meta.pk) is part.field:  # one row of it for each key
        return name
    raise InvalidKey(
        f"{part.label}: rows of {model._meta.label} are no keys. Name the field of theirs that holds the key:"
        " value_of(counter, key=...)."
    )


def _value(counter: Counter, outer: Sequence[OuterRef]) -> Combinable:
    same = {part.column.attname: ref for part, ref in zip(counter.keys.parts, outer, strict=True)}
    counts = counter.model._base_manager.filter(**same)
    stored = counts.annotate(nc_stored=StoredUnits(F(counter.field.name), counter.amounts)).values("nc_stored")
    pending = Delta.objects.filter(IsKey(counter, outer), counter=counter.label)
    own = digest_of(counter)
    added = pending.exclude(is_foreign(own)) if own else pending
    amount = added.values("counter").annotate(nc_sum=Sum("amount")).values("nc_sum")
    value: Combinable = Coalesce(Subquery(stored), 0) + Coalesce(Subquery(amount), 0)
    if counter.source is None:
        return _read(counter, value)
    shard = Progress.objects.filter(counter=counter.label, shard=0, backfilled=True)
    backfilled = Exists(shard.exclude(is_foreign(own)))
    keys_to_count = ~backfilled | Exists(pending.filter(Q(amount__isnull=True) | is_foreign(own)))
    actual = _actual(counter, outer)
    if counter.sum is None:  # a count below zero is surely wrong
        value = Coalesce(NullIf(Greatest(value, -1), Value(-1)), actual)
    units = Case(When(keys_to_count, then=actual), default=value, output_field=BigIntegerField())
    return _read(counter, units)


def _read(counter: Counter, units: Combinable) -> Combinable:
    """A value as it is read: of a sum of decimals the decimal."""
    if not isinstance(counter.field, models.DecimalField):
        return units
    return StoredAmount(units, counter.amounts, output_field=counter.field.clone())


class IsKey(Func):
    """Whether a row of the table of deltas is of a key, of whose parts expressions are given."""

    def __init__(self, counter: Counter, parts: Sequence[Any]) -> None:
        super().__init__(F("key"), *parts, output_field=BooleanField())
        self.counter = counter

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **kwargs: Any) -> Any:
        dialect = dialect_of(connection)
        (key, _), *given = [compiler.compile(one) for one in self.source_expressions]
        texts: list[str] = []
        parameters: list[Any] = []
        for part, (sql, of_part) in zip(self.counter.keys.parts, given, strict=True):
            # Some databases keep a UUID without dashes.
            is_uuid = isinstance(part.field, models.UUIDField) and not connection.features.has_native_uuid_field
            text = dashed(f"REPLACE({sql}, '-', '')", connection) if is_uuid else dialect.text(sql)
            texts.append(text)
            parameters += [*of_part] * text.count(sql)
        if self.counter.keys.may_be_loose and (spelling := Spelling(self.counter, connection)).is_loose:
            return spelling.is_written(key, texts), parameters
        # As the column of the table is compared, whatever the collations of the parts are.
        return f"{key} = ({joined_sql(texts, dialect)}){dialect.bytewise}", parameters


def _actual(counter: Counter, outer: Sequence[OuterRef]) -> Combinable:
    assert counter.source is not None
    every: models.QuerySet[Any] = models.QuerySet(counter.source)
    rows, names = keyed(counter, every)
    rows = rows.filter(counter.filter, **dict(zip(names, outer, strict=True)))
    numbers = rows.order_by().values(names[0]).annotate(nc_number=number_of_rows(counter)).values("nc_number")
    return Coalesce(Subquery(numbers), 0)
