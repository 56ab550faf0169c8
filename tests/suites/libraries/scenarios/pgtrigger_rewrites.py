"""Triggers that write other values into a row than Django has sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from ..counted import count


class Rewritten(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.CharField(max_length=10)
    spam = models.BooleanField(default=False)

    class Meta:
        triggers = (
            pgtrigger.Trigger(
                name="spam",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="NEW.spam = NEW.text = 'spam'; RETURN NEW;",
            ),
        )


count(Rewritten, "user", Q(spam=False))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    rows = Rewritten.objects.bulk_create([Rewritten(user=user, text="ham") for user in (ada, bob)])
    Rewritten.objects.filter(user=bob).update(text="spam")
    yield "update of a row that a trigger rewrites"
    rows[0].text = "spam"
    rows[0].save()
    yield "save of a row that a trigger rewrites"
