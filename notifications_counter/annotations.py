"""Reading many values in one query, beside the rows that they belong to: for the database buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from django.db import models
from django.db.models import BigIntegerField, Case, CharField, Exists, F, Func, OuterRef, Subquery, Sum, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from .counters import Counter
from .declaration.amounts import StoredAmount, StoredUnits
from .declaration.key_text import joined_sql
from .declaration.keys import LONGEST_KEY
from .declaration.rows import key_names, number_of_rows
from .dialects import dialect_of
from .exceptions import CounterError, InvalidKey, quoted
from .ledger.tables import Delta, Progress
from .triggers.sql.keys import dashed


class AnnotationNotSupported(CounterError):
    """A counter's values are not all in the database."""


class CounterQuerySet(models.QuerySet[Any]):
    """A queryset that can carry the values of counters: ``CounterQuerySet(User).with_value(counter)``."""

    def with_value(self, counter: Counter, name: str = "value", key: str | Sequence[str] = "pk") -> Self:
        """Annotate each row with the value of a key, in the same query.

        Args:
            counter: the counter, of the database buffer.
            name: the name of the annotation.
            key: the field that holds the key; of a composite one a field for each part, in their order.

        Raises:
            AnnotationNotSupported: the counter's buffer is not the database; its ``values`` answers for many keys.
            InvalidKey: there are not as many fields as the key has parts.
        """
        return self.annotate(**{name: value_of(counter, key)})


def value_of(counter: Counter, key: str | Sequence[str] = "pk") -> Combinable:
    """An expression for the value of a key, for ``annotate``, ``filter`` and ``order_by``: an integer, or a decimal.

    Args:
        counter: the counter, of the database buffer.
        key: the field that holds the key; of a composite one a field for each part, in their order.

    Raises:
        AnnotationNotSupported: the counter's buffer is not the database.
        InvalidKey: there are not as many fields as the key has parts.
    """
    if not counter.buffer.supports_sql_annotation:
        raise AnnotationNotSupported(
            f"{counter.label}: its deltas are not all pending in the database. Use values(keys), which reads many keys"
            " at once."
        )
    outer = _outer(counter, key)
    same = {part.column.attname: ref for part, ref in zip(counter.keys.parts, outer, strict=True)}
    counts = counter.model._base_manager.filter(**same)
    stored = counts.annotate(nc_stored=StoredUnits(F(counter.field.name), counter.amounts)).values("nc_stored")
    pending = Delta.objects.filter(counter=counter.label, key=KeyText(counter, outer))
    amount = pending.values("counter").annotate(nc_sum=Sum("amount")).values("nc_sum")
    value = Coalesce(Subquery(stored), 0) + Coalesce(Subquery(amount), 0)
    if counter.source is None:
        return _read(counter, value)
    backfilled = Exists(Progress.objects.filter(counter=counter.label, shard=0, backfilled=True))
    keys_to_count = ~backfilled | Exists(pending.filter(amount__isnull=True))
    units = Case(When(keys_to_count, then=_actual(counter, outer)), default=value, output_field=BigIntegerField())
    return _read(counter, units)


def _read(counter: Counter, units: Combinable) -> Combinable:
    """A value as it is read: of a sum of decimals the decimal."""
    if not isinstance(counter.field, models.DecimalField):
        return units
    return StoredAmount(units, counter.amounts, output_field=counter.field.clone())


def _outer(counter: Counter, key: str | Sequence[str]) -> list[OuterRef]:
    names = [key] if isinstance(key, str) else list(key)
    parts = [part.column.name for part in counter.keys.parts]
    if len(names) != len(parts):
        raise InvalidKey(
            f"{quoted(key)} holds no key of {counter.label}: give a field for each of ({', '.join(parts)})."
        )
    return [OuterRef(name) for name in names]


class KeyText(Func):
    """The text of a key whose parts are expressions, as it stands in the table of deltas."""

    def __init__(self, counter: Counter, parts: Sequence[Any]) -> None:
        super().__init__(*parts, output_field=CharField(max_length=LONGEST_KEY))
        self.key_fields = [part.field for part in counter.keys.parts]

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **kwargs: Any) -> Any:
        dialect = dialect_of(connection)
        texts: list[str] = []
        parameters: list[Any] = []
        for field, part in zip(self.key_fields, self.source_expressions, strict=True):
            sql, of_part = compiler.compile(part)
            # Some databases keep a UUID without dashes.
            is_uuid = isinstance(field, models.UUIDField) and not connection.features.has_native_uuid_field
            text = dashed(f"REPLACE({sql}, '-', '')", connection) if is_uuid else dialect.text(sql)
            texts.append(text)
            parameters += [*of_part] * text.count(sql)
        # As the column of the table is compared, whatever the collations of the parts are.
        return f"({joined_sql(texts, dialect)}){dialect.bytewise}", parameters


def _actual(counter: Counter, outer: Sequence[OuterRef]) -> Combinable:
    assert counter.source is not None
    names = key_names(counter)
    rows: models.QuerySet[Any] = models.QuerySet(counter.source)
    rows = rows.filter(counter.filter, **dict(zip(names, outer, strict=True)))
    numbers = rows.order_by().values(names[0]).annotate(nc_number=number_of_rows(counter)).values("nc_number")
    return Coalesce(Subquery(numbers), 0)
