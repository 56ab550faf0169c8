"""Composite keys that do not fit, each for a reason of its own. ``manage.py check`` says which."""

from __future__ import annotations

from typing import Any

from django.db import models

from notifications_counter.counters import Counter


class Note(models.Model):
    """A source."""

    user = models.IntegerField()
    kind = models.CharField(max_length=40)
    number = models.IntegerField(default=0)


class ByUser(models.Model):
    user = models.IntegerField(primary_key=True)
    notes = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class ByKind(models.Model):
    pk = models.CompositePrimaryKey("user", "kind")
    user = models.IntegerField()
    kind = models.CharField(max_length=40, db_collation=None)
    notes = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class OneForTwo(ByKind):
    counter = Counter(Note, "user")


class TwoForOne(ByUser):
    counter = Counter(Note, ("user", "kind"))


class ThreeForTwo(ByKind):
    counter = Counter(Note, ("user", "kind", "number"))


class TupleOfOne(ByUser):
    counter = Counter(Note, ("user",))


class OtherOrder(ByKind):
    counter = Counter(Note, ("kind", "user"))


class NoColumn(ByKind):
    counter = Counter(Note, ("user", "color"))


class OtherType(ByKind):
    """The trigger would write a number where the primary key holds text."""

    counter = Counter(Note, ("user", "number"), capture="triggers", buffer="rows")


class KeyAsCount(ByKind):
    counter: Any = Counter(Note, ("user", "kind"), field="user")


class Right(ByKind):
    counter = Counter(Note, ("user", "kind"))
