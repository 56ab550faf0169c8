"""Count models as a user would declare them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from notifications_counter.counters import Counter
from notifications_counter.querysets import CountedQuerySet


class Click(models.Model):
    """Events: no source, and keys that are text."""

    url = models.URLField(primary_key=True)
    clicks = models.BigIntegerField(default=0)
    counter = Counter()


class Team(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)


class Ticket(models.Model):
    """Counted for its team and for its assignee."""

    team = models.ForeignKey(Team, models.CASCADE, null=True)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    priority = models.IntegerField(default=0)
    state = models.CharField(max_length=10, default="open")
    closed_at = models.DateTimeField(null=True)

    objects = CountedQuerySet.as_manager()


class TicketCount(models.Model):
    """An abstract base that carries a counter."""

    tickets = models.BigIntegerField(default=0)
    note = models.CharField(max_length=10, default="new")
    counter = Counter("testapp.Ticket", "team", Q(state="open") & ~Q(priority__in=[8, 9]), "tickets")

    class Meta:
        abstract = True


class TeamTickets(TicketCount):
    team = models.OneToOneField(Team, models.CASCADE, primary_key=True, related_name="+")


class UrgentTickets(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    urgent = models.BigIntegerField(default=0)
    counter = Counter(Ticket, "assignee", Q(closed_at__isnull=True) & (Q(priority__gte=5) | Q(priority=-1)))


class OldTicket(Ticket):
    class Meta:
        proxy = True


class LoudTicket(Ticket):
    """A child with a table of its own."""

    volume = models.IntegerField(default=1)


class ReadNotifications(models.Model):
    """A second counter over the built-in model."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    read = models.BigIntegerField(default=0)
    counter = Counter("notifications_counter.Notification", "user", Q(has_read=True))
class InboxCount(models.Model):
    """Over a model that somebody else wrote, ``django-notifications-community``'s."""

    recipient = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    unread = models.BigIntegerField(default=0)
    counter = Counter("notifications.Notification", "recipient", Q(unread=True), "unread")


class ActiveInboxCount(models.Model):
    """The same without those that are softly deleted."""

    recipient = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    unread = models.BigIntegerField(default=0)
    counter = Counter("notifications.Notification", "recipient", Q(unread=True, deleted=False), "unread")
