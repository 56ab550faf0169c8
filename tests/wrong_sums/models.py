"""Sums that cannot be counted exactly, each for a reason of its own. ``manage.py check`` says which."""

from __future__ import annotations

from typing import Any

from django.db import models

from notifications_counter.counters import Counter


class Cents(models.DecimalField):  # type: ignore[type-arg]
    """Gives something else than a number."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str:
        return f"{value} cents"


class Bill(models.Model):
    """A source."""

    user = models.IntegerField()
    price = models.DecimalField(max_digits=9, decimal_places=2)
    cents = Cents(max_digits=9, decimal_places=2)
    weight = models.FloatField(default=0)
    pages = models.BigIntegerField(default=0)


class SentBill(Bill):
    """A source whose prices are in the table of its parent."""

    customer = models.IntegerField()


class Base(models.Model):
    user = models.IntegerField(primary_key=True)

    class Meta:
        abstract = True


def decimal(digits: int, places: int) -> Any:
    return models.DecimalField(max_digits=digits, decimal_places=places, default=0)


class NoSource(Base):
    total = models.BigIntegerField(default=0)
    counter = Counter(sum="price")


class NoColumn(Base):
    total = decimal(15, 2)
    counter = Counter(Bill, "user", sum="prize")


class AFloat(Base):
    total = decimal(15, 2)
    counter = Counter(Bill, "user", sum="weight")


class NotANumber(Base):
    total = decimal(15, 2)
    counter = Counter(Bill, "user", sum="cents")


class DecimalsInInteger(Base):
    total = models.BigIntegerField(default=0)
    counter = Counter(Bill, "user", sum="price")


class IntegersInDecimal(Base):
    total = decimal(15, 2)
    counter = Counter(Bill, "user", sum="pages")


class FewerPlaces(Base):
    total = decimal(15, 1)
    counter = Counter(Bill, "user", sum="price")


class FewerDigits(Base):
    total = decimal(8, 2)
    counter = Counter(Bill, "user", sum="price")


class SmallInteger(Base):
    total = models.IntegerField(default=0)
    counter = Counter(Bill, "user", sum="pages")


class ManyDigits(Base):
    total = decimal(20, 2)
    counter = Counter(Bill, "user", sum="price")


class DecimalWithoutSum(Base):
    total = decimal(15, 2)
    counter = Counter(Bill, "user", field="total")


class TwoFields(Base):
    total = decimal(15, 2)
    other = models.BigIntegerField(default=0)
    counter = Counter(Bill, "user", sum="price")


class OfAnotherTable(Base):
    total = decimal(15, 2)
    counter = Counter(SentBill, "customer", sum="price", capture="triggers", buffer="rows")
