"""What the database knows of messages: which clicks were counted, and which wait because no broker took them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class CountedClick(models.Model):
    """The id of a click that was counted from a message, until no copy of the message can be taken any more."""

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField(_("clicked at"))

    class Meta:
        verbose_name = _("id of a counted click")
        verbose_name_plural = _("ids of counted clicks")
        indexes: ClassVar = [models.Index(fields=["at"], name="nc_counted_at")]

    def __str__(self) -> str:
        return str(self.id)


class KeptClick(models.Model):
    """A click that no broker has confirmed: ``notification_consume`` or the next flush counts it."""

    id = models.UUIDField(primary_key=True)
    url = models.CharField(_("address"), max_length=500)
    is_bot = models.BooleanField(_("by a program"))
    at = models.DateTimeField(_("clicked at"))

    class Meta:
        verbose_name = _("kept click")
        verbose_name_plural = _("kept clicks")
        indexes: ClassVar = [models.Index(fields=["at"], name="nc_kept_at")]

    def __str__(self) -> str:
        return self.url
