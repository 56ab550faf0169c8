"""Counters over children that read what their parents hold. ``manage.py check`` refuses each that does."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from notifications_counter.counters import Counter


class Place(models.Model):
    city = models.IntegerField()
    closed = models.BooleanField(default=False)
    seats = models.IntegerField(default=0)


class Restaurant(Place):
    chain = models.IntegerField(default=0)
    stars = models.IntegerField(default=0)


class Bistro(Restaurant):
    menu = models.IntegerField(default=0)


class ProxyBistro(Bistro):
    class Meta:
        proxy = True


class Counts(models.Model):
    key = models.IntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


def counted(name: str, *arguments: Any, **more: Any) -> type[models.Model]:
    return type(name, (Counts,), {"__module__": __name__, "counter": Counter(*arguments, **more)})


counted("ByParentsKey", Restaurant, "city")
counted("ByParentsFilter", Restaurant, "chain", Q(stars=3) & ~Q(closed=True))
counted("ByParentsSum", Restaurant, "chain", sum="seats")
counted("ByGrandparent", Bistro, "menu", Q(stars=3) | Q(closed=True))
counted("ByParentOfProxy", "wrong_sources.ProxyBistro", "chain")
counted("ByTriggers", Restaurant, "city", capture="triggers", buffer="rows")
counted("ByOwnColumns", Restaurant, "chain", Q(stars=3))
counted("ByLink", Restaurant, "place_ptr")
counted("OfParent", Place, "city", Q(closed=False), sum="seats")
