"""What is measured beside the built-in notifications: the same rows without a counter, and with other ones."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.signals import post_delete, post_save, pre_delete
from django.utils import timezone

from notifications_counter.counters import Counter
from notifications_counter.fields import KeyField
from notifications_counter.indexes import PartialIndex
from notifications_counter.revisions import revise


class Row(models.Model):
    """The very same columns and indexes as those of a notification."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    text = models.TextField()
    kind = models.CharField(max_length=64, blank=True, default="")
    url = models.CharField(max_length=500, blank=True, default="")
    has_read = models.BooleanField(default=False)
    seen = models.BooleanField(default=False, db_default=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    target_type = models.ForeignKey(
        "contenttypes.ContentType", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    target_id = models.CharField(max_length=255, null=True)  # noqa: DJ001
    data = models.JSONField(default=dict, db_default={})
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        managed = False  # see make_tables in environment.py
        indexes: ClassVar = [
            PartialIndex(fields=["user"], column="has_read", value=False, name="%(class)s_unread"),
            models.Index(fields=["user", "-created_at", "-id"], name="%(class)s_newest"),
            models.Index(fields=["actor"], name="%(class)s_actor"),
            models.Index(fields=["target_type", "target_id"], name="%(class)s_target"),
        ]


class CountRow(models.Model):
    """The same columns as those of the notifications' count."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    unread_count = models.BigIntegerField(default=0)

    class Meta:
        abstract = True
        managed = False


class Plain(Row):
    """Counted by nobody."""


class Listened(Row):
    """Counted by nobody, but somebody listens to its deletes, so that Django fetches the rows."""


def listen(sender: Any, **kwargs: Any) -> None:
    """As empty as a listener can be."""


pre_delete.connect(listen, Listened)
post_delete.connect(listen, Listened)


class InRows(Row):
    """Counted with the database buffer."""

    objects = models.Manager()


class InRowsCount(CountRow):
    counter = Counter(source=InRows, key="user", filter=Q(has_read=False), buffer="rows")


class OfKind(Row):
    """Counted by user and kind, with both buffers."""

    objects = models.Manager()


class KindCount(models.Model):
    """A row for each user and kind."""

    pk = models.CompositePrimaryKey("user", "kind")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    kind = KeyField(max_length=64)
    unread_count = models.BigIntegerField(default=0)

    class Meta:
        abstract = True
        managed = False


class OfKindCount(KindCount):
    counter = Counter(source=OfKind, key=("user", "kind"), filter=Q(has_read=False))


class OfKindInRowsCount(KindCount):
    counter = Counter(source=OfKind, key=("user", "kind"), filter=Q(has_read=False), buffer="rows")


class Inbox(Row):
    """Counted as the inbox does: unread, unseen, unread by kind, and the revision of all three."""

    objects = models.Manager()


class InRowsInbox(Row):
    """The same with the database buffer."""

    objects = models.Manager()


class InboxCount(CountRow):
    counter = Counter(source=Inbox, key="user", filter=Q(has_read=False))


class InboxUnseen(CountRow):
    counter = Counter(source=Inbox, key="user", filter=Q(has_read=False, seen=False))


class InboxKinds(KindCount):
    counter = Counter(source=Inbox, key=("user", "kind"), filter=Q(has_read=False))


class InboxRevision(CountRow):
    counter = Counter()


class InRowsInboxCount(CountRow):
    counter = Counter(source=InRowsInbox, key="user", filter=Q(has_read=False), buffer="rows")


class InRowsInboxUnseen(CountRow):
    counter = Counter(source=InRowsInbox, key="user", filter=Q(has_read=False, seen=False), buffer="rows")


class InRowsInboxKinds(KindCount):
    counter = Counter(source=InRowsInbox, key=("user", "kind"), filter=Q(has_read=False), buffer="rows")


class InRowsInboxRevision(CountRow):
    counter = Counter(buffer="rows")


revise(InboxRevision.counter, [InboxCount.counter, InboxUnseen.counter, InboxKinds.counter])
revise(InRowsInboxRevision.counter, [InRowsInboxCount.counter, InRowsInboxUnseen.counter, InRowsInboxKinds.counter])


class TwoCounters(Row):
    """Counted by what is unread and what is unseen, without the kinds and the revision."""

    objects = models.Manager()


class InRowsTwoCounters(Row):
    """The same with the database buffer."""

    objects = models.Manager()


class TwoUnread(CountRow):
    counter = Counter(source=TwoCounters, key="user", filter=Q(has_read=False))


class TwoUnseen(CountRow):
    counter = Counter(source=TwoCounters, key="user", filter=Q(has_read=False, seen=False))


class InRowsTwoUnread(CountRow):
    counter = Counter(source=InRowsTwoCounters, key="user", filter=Q(has_read=False), buffer="rows")


class InRowsTwoUnseen(CountRow):
    counter = Counter(source=InRowsTwoCounters, key="user", filter=Q(has_read=False, seen=False), buffer="rows")


class Bumped(Row):
    """Counted as one does it first: each new row changes its user's count at once."""


class BumpedCount(CountRow):
    """The counts of that."""


def bump(sender: Any, instance: Bumped, created: bool, **kwargs: Any) -> None:
    if created:
        BumpedCount.objects.filter(pk=instance.user_id).update(unread_count=F("unread_count") + 1)


post_save.connect(bump, Bumped)
