"""The history of rows, which is counted, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from ..counted import count


class Ticket(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)
    history = HistoricalRecords()


count(Ticket, "user", Q(open=True))
count(Ticket.history.model, "user", Q(history_type="~"))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    ticket = Ticket.objects.create(user=ada)
    yield "create"
    tickets = bulk_create_with_history([Ticket(user=user) for user in (ada, bob, bob)], Ticket)
    yield "bulk_create_with_history"
    ticket.open = False
    ticket.save()
    for each in tickets:
        each.open = False
    bulk_update_with_history(tickets, Ticket, ["open"])
    yield "save, bulk_update_with_history"
    ticket.history.last().instance.save()
    yield "save of an earlier version"
    Ticket.objects.filter(user=ada).delete()
    bob.delete()
    Ticket.history.filter(history_type="-").delete()
    yield "delete of rows and of their history"
