"""A history that triggers write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q

from ..counted import count


@pghistory.track()
class Ticket(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)


count(Ticket, "user", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    tickets = [Ticket.objects.create(user=user) for user in (ada, ada, bob)]
    Ticket.objects.bulk_create([Ticket(user=bob)])
    yield "create"
    with pghistory.context(reason="test"):
        tickets[0].open = False
        tickets[0].save()
    yield "save with a context"
    Ticket.objects.filter(user=bob).update(open=False, user=ada)
    yield "update"
    assert tickets[0].events.count() == 2
    tickets[0].events.first().revert()
    yield "revert"
    Ticket.objects.all().delete()
    yield "delete"
