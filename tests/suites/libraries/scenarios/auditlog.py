"""A log of changes, which is counted, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.conf import settings
from django.db import models
from django.db.models import Q

from ..counted import count


class Ticket(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)


auditlog.register(Ticket)
count(Ticket, "user", Q(open=True))
count(LogEntry, "object_id", Q(action=LogEntry.Action.UPDATE))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    tickets = [Ticket.objects.create(user=user) for user in (ada, ada, bob)]
    yield "create"
    for ticket in tickets:
        ticket.open, ticket.user = False, bob
        ticket.save()
    yield "save"
    Ticket.objects.update(open=True)
    tickets[0].delete()
    Ticket.objects.all().delete()
    yield "update, delete"
