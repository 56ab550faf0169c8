"""Triggers that protect rows, and delete softly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pgtrigger
from django.conf import settings
from django.db import DatabaseError, models
from django.db.models import Q

from ..counted import count


class Soft(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    active = models.BooleanField(default=True)

    class Meta:
        triggers = (pgtrigger.SoftDelete(name="soft", field="active"),)


class Kept(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    state = models.CharField(max_length=10, default="draft")

    class Meta:
        triggers = (
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.FSM(name="states", field="state", transitions=[("draft", "sent")]),
            pgtrigger.ReadOnly(name="owner", fields=["user"]),
        )


count(Soft, "user", Q(active=True))
count(Kept, "user", Q(state="draft"))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    softs = [Soft.objects.create(user=user) for user in (ada, ada, bob)]
    softs[0].delete()
    Soft.objects.filter(user=bob).delete()
    yield "SoftDelete"
    kept = [Kept.objects.create(user=user) for user in (ada, bob)]
    for act in (kept[0].delete, lambda: Kept.objects.update(user=ada)):
        try:
            act()
        except DatabaseError:
            continue
        raise AssertionError("nothing was protected")
    Kept.objects.filter(user=ada).update(state="sent")
    yield "Protect, FSM, ReadOnly"
    with pgtrigger.ignore("scenario.Kept:kept"):
        kept[0].delete()
    yield "ignore"
