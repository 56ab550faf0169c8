"""Versions of rows, to which people go back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import reversion
from django.conf import settings
from django.db import models
from django.db.models import Q
from reversion.models import Version

from ..counted import count


@reversion.register()
class Ticket(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)


count(Ticket, "user", Q(open=True))
count(Version, "revision")


def steps(ada: Any, bob: Any) -> Iterator[str]:
    with reversion.create_revision():
        tickets = [Ticket.objects.create(user=user) for user in (ada, ada, bob)]
    yield "create"
    with reversion.create_revision():
        for ticket in tickets:
            ticket.open = False
            ticket.user = bob
            ticket.save()
    yield "save"
    Version.objects.get_for_object(tickets[0]).last().revert()
    Version.objects.get_for_object(tickets[1]).last().revision.revert()
    yield "revert"
    tickets[2].delete()
    yield "delete"
    Version.objects.get_deleted(Ticket).first().revert()
    yield "revert of a deleted row"
    Version.objects.all().delete()
    yield "delete of versions"
