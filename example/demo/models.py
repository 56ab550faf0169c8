"""A model of the site's own, counted as the package's notifications are."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from notifications_counter import Counter


class Ticket(models.Model):
    """A thing to do, of one user."""

    title = models.CharField(max_length=200)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tickets")
    is_open = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["assignee", "is_open"], name="demo_ticket_open")]

    def __str__(self) -> str:
        return self.title


class OpenTickets(models.Model):
    """How many open tickets each user has: this declaration is all that there is to it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    number = models.BigIntegerField(default=0)

    counter = Counter(source=Ticket, key="assignee", filter=Q(is_open=True))

    def __str__(self) -> str:
        return f"{self.pk}: {self.number}"
