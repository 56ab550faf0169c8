"""Reading many values in one query, beside the rows that they belong to: for the database buffer."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import BigIntegerField, Case, CharField, Exists, F, OuterRef, Subquery, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Replace

from .counters import Counter
from .declaration.amounts import StoredAmount, StoredUnits
from .declaration.conditions import column
from .declaration.rows import number_of_rows
from .exceptions import CounterError
from .ledger.tables import Delta, Progress


class AnnotationNotSupported(CounterError):
    """A counter's values are not all in the database."""


class CounterQuerySet(models.QuerySet[Any]):
    """A queryset that can carry the values of counters: ``CounterQuerySet(User).with_value(counter)``."""

    def with_value(self, counter: Counter, name: str = "value", key: str = "pk") -> Self:
        """Annotate each row with the value of a key, in the same query.

        Args:
            counter: the counter, of the database buffer.
            name: the name of the annotation.
            key: the field that holds the key.

        Raises:
            AnnotationNotSupported: the counter's buffer is not the database; its ``values`` answers for many keys.
        """
        return self.annotate(**{name: value_of(counter, key)})


def value_of(counter: Counter, key: str = "pk") -> Combinable:
    """An expression for the value of a key, for ``annotate``, ``filter`` and ``order_by``: an integer, or a decimal.

    Raises:
        AnnotationNotSupported: the counter's buffer is not the database.
    """
    if not counter.buffer.supports_sql_annotation:
        raise AnnotationNotSupported(
            f"{counter.label}: its deltas are not all pending in the database. Use values(keys), which reads many keys"
            " at once."
        )
    counts = counter.model._base_manager.filter(pk=OuterRef(key))
    stored = counts.annotate(nc_stored=StoredUnits(F(counter.field.name), counter.amounts)).values("nc_stored")
    pending = _pending(counter, key)
    amount = pending.values("counter").annotate(nc_sum=Sum("amount")).values("nc_sum")
    value = Coalesce(Subquery(stored), 0) + Coalesce(Subquery(amount), 0)
    if counter.source is None:
        return _read(counter, value)
    backfilled = Exists(Progress.objects.filter(counter=counter.label, shard=0, backfilled=True))
    keys_to_count = ~backfilled | Exists(pending.filter(amount__isnull=True))
    units = Case(When(keys_to_count, then=_actual(counter, key)), default=value, output_field=BigIntegerField())
    return _read(counter, units)


def _read(counter: Counter, units: Combinable) -> Combinable:
    """A value as it is read: of a sum of decimals the decimal."""
    if not isinstance(counter.field, models.DecimalField):
        return units
    return StoredAmount(units, counter.amounts, output_field=counter.field.clone())


def _pending(counter: Counter, key: str) -> models.QuerySet[Any]:
    rows = Delta.objects.filter(counter=counter.label)
    if isinstance(counter.key_field, models.UUIDField):  # some databases keep it without dashes
        bare = Replace(Cast(OuterRef(key), CharField(max_length=36)), Value("-"), Value(""))
        return rows.alias(nc_bare=Replace(F("key"), Value("-"), Value(""))).filter(nc_bare=bare)
    return rows.filter(key=Cast(OuterRef(key), CharField(max_length=500)))


def _actual(counter: Counter, key: str) -> Combinable:
    assert counter.source is not None
    name = column(counter.source, counter.source_key or "").attname
    rows: models.QuerySet[Any] = models.QuerySet(counter.source).filter(counter.filter, **{name: OuterRef(key)})
    numbers = rows.order_by().values(name).annotate(nc_number=number_of_rows(counter)).values("nc_number")
    return Coalesce(Subquery(numbers), 0)
