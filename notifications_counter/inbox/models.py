"""What is counted of a user's notifications besides the unread ones, the revision of all these numbers, preferences,
and who has got what was sent with a key."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..counters import Counter
from ..fields import KeyField
from ..models import Notification

#: A flush may insert a row while its user is being deleted; with a constraint that would fail the deletion.
OF_USER: dict[str, Any] = {"verbose_name": _("user"), "related_name": "+", "db_constraint": False}


class UnseenCount(models.Model):
    """How many unread notifications a user has that came since the inbox was opened last."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, **OF_USER)
    unseen = models.BigIntegerField(_("unseen, as stored"), default=0)

    counter = Counter(source=Notification, key="user", filter=Q(has_read=False, seen=False))

    class Meta:
        verbose_name = _("unseen count")
        verbose_name_plural = _("unseen counts")

    def __str__(self) -> str:
        return f"{self.pk}: {self.unseen}"


class UnreadByKind(models.Model):
    """How many unread notifications of each kind a user has."""

    pk = models.CompositePrimaryKey("user", "kind")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, **OF_USER)  # begins the key
    kind = KeyField(_("kind"), max_length=64)
    unread = models.BigIntegerField(_("unread, as stored"), default=0)

    counter = Counter(source=Notification, key=("user", "kind"), filter=Q(has_read=False))

    class Meta:
        verbose_name = _("unread count by kind")
        verbose_name_plural = _("unread counts by kind")

    def __str__(self) -> str:
        return f"{self.pk}: {self.unread}"


class Revision(models.Model):
    """How often any of a user's numbers has changed."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, **OF_USER)
    changes = models.BigIntegerField(_("changes, as stored"), default=0)

    counter = Counter()

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")

    def __str__(self) -> str:
        return f"{self.pk}: {self.changes}"


class Delivery(models.Model):
    """A user has got what was sent with a key: whoever has a row is passed over by a run with the same key.

    It finds its notification by the user and the moment of creation, for which there is an index; not every database
    tells the primary keys of many new rows.
    """

    pk = models.CompositePrimaryKey("user", "key")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, **OF_USER)  # begins the key
    #: The digest of the key: 16 bytes, however long the key is.
    key = models.UUIDField(_("digest of the key"))
    created_at = models.DateTimeField(_("created at"))
    #: The day on which the notification was found to be gone.
    gone_on = models.DateField(_("gone on"), null=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")

    def __str__(self) -> str:
        return f"{self.pk}"


class KindChoice(models.Model):
    """A user wants notifications of a kind, or not, other than by the site's default."""

    pk = models.CompositePrimaryKey("user", "kind")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, **OF_USER)  # begins the key
    kind = models.CharField(_("kind"), max_length=64)
    wanted = models.BooleanField(_("wanted"))

    class Meta:
        verbose_name = _("choice of a kind")
        verbose_name_plural = _("choices of kinds")

    def __str__(self) -> str:
        return f"{self.pk}: {self.wanted}"


class Mute(models.Model):
    """A user wants no more notifications about an object."""

    pk = models.CompositePrimaryKey("user", "target_type", "target_id")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, **OF_USER)  # begins the key
    target_type = models.ForeignKey(
        "contenttypes.ContentType",
        models.CASCADE,
        verbose_name=_("type of the target"),
        related_name="+",
        db_index=False,  # "nc_muted" begins with it
    )
    target_id = models.CharField(_("primary key of the target"), max_length=255)
    target = GenericForeignKey("target_type", "target_id")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("muted target")
        verbose_name_plural = _("muted targets")
        indexes: ClassVar = [models.Index(fields=["target_type", "target_id"], name="nc_muted")]

    def __str__(self) -> str:
        return f"{self.pk}"
