"""Count models as a user would declare them."""

import datetime
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from notifications_counter.counters import Counter
from notifications_counter.fields import KeyField


class Click(models.Model):
    """Events: no source, and keys that are text."""

    url = KeyField(max_length=200, primary_key=True)
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

    objects = models.Manager()


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


# Counted by triggers

#: What SQL, its formatting, its quotes and its dollar quotes might trip over.
ODD_TEXT = """It's 100% "odd": \\ %s %% %(x)s {tag} {0} $nc0$ -- /* ; ` é 漢 🎁\n"""


NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


class Parcel(models.Model):
    """Counted three times, by keys that may all be missing."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    team = models.ForeignKey(Team, models.CASCADE, null=True)
    place = KeyField(max_length=100, null=True)
    state = models.CharField(max_length=10, default="open")
    weight = models.IntegerField(null=True)
    note = models.TextField(default="")
    delivered_at = models.DateTimeField(null=True)
    code = KeyField(max_length=20, unique=True, null=True)

    objects = models.Manager()


class OwnerParcels(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    parcels = models.BigIntegerField(default=0)
    counter = Counter(Parcel, "owner", Q(state="open") & ~Q(weight__gt=5), capture="triggers", buffer="rows")


class TeamParcels(models.Model):
    team = models.OneToOneField(Team, models.CASCADE, primary_key=True, related_name="+")
    parcels = models.BigIntegerField(default=0)
    counter = Counter(
        "testapp.Parcel",
        "team",
        Q(weight__in=[1, 2, 8]) & Q(delivered_at__isnull=True) | ~Q(weight__in=[1, 2, 3]) & Q(delivered_at__lt=NOON),
        capture="triggers",
        buffer="rows",
    )


class PlaceParcels(models.Model):
    """Two counters over one source on one count model."""

    place = KeyField(max_length=100, primary_key=True)
    odd = models.BigIntegerField(default=0)
    all = models.BigIntegerField(default=0)
    counter = Counter(Parcel, "place", Q(note__in=[ODD_TEXT, "odd"]), "odd", capture="triggers", buffer="rows")
    everything = Counter(Parcel, "place", field="all", capture="triggers", buffer="rows")


class Letter(models.Model):
    """Counted by triggers and by signals."""

    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    has_read = models.BooleanField(default=False)

    objects = models.Manager()


class ReaderLetters(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    by_triggers = models.BigIntegerField(default=0)
    by_signals = models.BigIntegerField(default=0)
    triggers = Counter(Letter, "reader", Q(has_read=False), "by_triggers", capture="triggers", buffer="rows")
    signals = Counter(Letter, "reader", Q(has_read=False), "by_signals", buffer="rows")


class InboxCountByTriggers(models.Model):
    recipient = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    unread = models.BigIntegerField(default=0)
    counter = Counter(
        "notifications.Notification", "recipient", Q(unread=True), "unread", capture="triggers", buffer="rows"
    )


class ActiveInboxCountByTriggers(models.Model):
    recipient = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    unread = models.BigIntegerField(default=0)
    counter = Counter(
        "notifications.Notification",
        "recipient",
        Q(unread=True, deleted=False),
        "unread",
        capture="triggers",
        buffer="rows",
    )
