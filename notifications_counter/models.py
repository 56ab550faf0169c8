"""The built-in notifications and their counts, and the tables in which deltas wait and progress is kept."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .counters import Counter
from .fields import KeyField
from .indexes import PartialIndex
from .keys import LONGEST_KEY
from .querysets import NotificationQuerySet


class Notification(models.Model):
    """Something that one user is told."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="inbox_notifications",
        db_index=False,  # "nc_newest" begins with it
    )
    text = models.TextField(_("text"))
    kind = models.CharField(_("kind"), max_length=64, blank=True, default="")
    url = models.CharField(_("URL"), max_length=500, blank=True, default="")
    has_read = models.BooleanField(_("read"), default=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes: ClassVar = [
            PartialIndex(fields=["user"], column="has_read", value=False, name="nc_unread"),
            models.Index(fields=["user", "-created_at", "-id"], name="nc_newest"),
        ]

    def __str__(self) -> str:
        return self.text


class UserNotificationsCount(models.Model):
    """How many unread notifications a user has, less what is still buffered: read it with ``counter.value``."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        verbose_name=_("user"),
        related_name="+",
        # A flush may insert a row while its user is being deleted; with a constraint that would fail the deletion.
        db_constraint=False,
    )
    unread_count = models.BigIntegerField(_("unread, as stored"), default=0)

    counter = Counter(source=Notification, key="user", where=Q(has_read=False))

    class Meta:
        verbose_name = _("unread count")
        verbose_name_plural = _("unread counts")

    def __str__(self) -> str:
        return f"{self.pk}: {self.unread_count}"


class Delta(models.Model):
    """A change of one key's count that waits in the database. Without an amount it asks for a recount of its key."""

    id = models.BigAutoField(primary_key=True)
    counter = KeyField(max_length=150)
    key = KeyField(max_length=LONGEST_KEY)
    amount = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["counter", "key"], name="nc_waiting")]

    def __str__(self) -> str:
        return f"{self.counter} {self.key}: {self.amount}"


class Progress(models.Model):
    """How much of which batch of a counter's shard has been applied. Its row is the lock of every flush."""

    id = models.BigAutoField(primary_key=True)
    counter = KeyField(max_length=150)
    shard = models.IntegerField()
    filled = models.BooleanField(default=False)
    recounted_to = KeyField(max_length=500, null=True)
    prefix = models.CharField(max_length=100, default="")
    shards = models.IntegerField(default=1)
    run_id = models.CharField(max_length=64, default="")
    batch = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    flushed_at = models.DateTimeField(null=True)
    flushed_keys = models.BigIntegerField(default=0)
    flushed_seconds = models.FloatField(default=0)
    lost_at = models.DateTimeField(null=True)
    audited_to = KeyField(max_length=500, null=True)
    audited_at = models.DateTimeField(null=True)
    audit_keys = models.BigIntegerField(default=0)
    drift_at = models.DateTimeField(null=True)
    drift_keys = models.BigIntegerField(default=0)
    drift_amount = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["counter", "shard"], name="nc_progress_row")]

    def __str__(self) -> str:
        return f"{self.counter}/{self.shard}: batch {self.batch}, {self.position} of {self.size}"
