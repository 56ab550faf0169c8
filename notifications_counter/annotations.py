"""Reading many values in one query, beside the rows that they belong to: for the database buffer."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import BigIntegerField, Case, CharField, Count, Exists, F, OuterRef, Subquery, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Replace

from .counters import Counter
from .declaration.conditions import column
from .exceptions import CounterError
from .ledger.tables import Delta, Progress


class NotInOneQuery(CounterError):
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
            NotInOneQuery: the counter's buffer is not the database; its ``values`` answers for many keys.
        """
        return self.annotate(**{name: value_of(counter, key)})


def value_of(counter: Counter, key: str = "pk") -> Combinable:
    """An expression for the value of a key, for ``annotate``, ``filter`` and ``order_by``.

    Raises:
        NotInOneQuery: the counter's buffer is not the database.
    """
    if counter.buffer.layout.prefix:
        raise NotInOneQuery(f"{counter.label}: its deltas wait in Redis. Use values(keys), which reads many at once.")
    stored = counter.model._base_manager.filter(pk=OuterRef(key)).values(counter.field.name)
    waiting = _waiting(counter, key)
    amount = waiting.values("counter").annotate(nc_sum=Sum("amount")).values("nc_sum")
    value = Coalesce(Subquery(stored), 0) + Coalesce(Subquery(amount), 0)
    if counter.source is None:
        return value
    filled = Exists(Progress.objects.filter(counter=counter.label, shard=0, filled=True))
    must_be_counted = ~filled | Exists(waiting.filter(amount__isnull=True))
    return Case(When(must_be_counted, then=_true(counter, key)), default=value, output_field=BigIntegerField())


def _waiting(counter: Counter, key: str) -> models.QuerySet[Any]:
    rows = Delta.objects.filter(counter=counter.label)
    if isinstance(counter.key_field, models.UUIDField):  # some databases keep it without dashes
        bare = Replace(Cast(OuterRef(key), CharField(max_length=36)), Value("-"), Value(""))
        return rows.alias(nc_bare=Replace(F("key"), Value("-"), Value(""))).filter(nc_bare=bare)
    return rows.filter(key=Cast(OuterRef(key), CharField(max_length=500)))


def _true(counter: Counter, key: str) -> Combinable:
    assert counter.source is not None
    name = column(counter.source, counter.source_key or "").attname
    rows: models.QuerySet[Any] = models.QuerySet(counter.source).filter(counter.where, **{name: OuterRef(key)})
    numbers = rows.order_by().values(name).annotate(nc_number=Count("*")).values("nc_number")
    return Coalesce(Subquery(numbers), 0)
