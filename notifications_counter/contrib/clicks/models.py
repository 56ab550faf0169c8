"""How often links were clicked, in all and by day, by people and by programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ...counters import Counter
from ...fields import KeyField
from ...together import add_together
from .addresses import normalise
from .message_models import CountedClick, KeptClick

__all__ = ["Click", "ClickDay", "CountedClick", "KeptClick", "Normaliser"]

#: How often each address was clicked on each day.
ByDay = Mapping[tuple[str, date], int]


def day_of(moment: datetime) -> date:
    """The day of a moment, in the site's own time zone, whichever is active."""
    return moment.astimezone(timezone.get_default_timezone()).date()


class ClickManager(models.Manager["Click"]):
    """The manager of ``Click``."""

    def increment_clicks(self, for_url: str, increment_by: int = 1) -> int:
        """Count clicks of people on an address, today.

        Args:
            for_url: the address, however it is written.
            increment_by: how many clicks.

        Returns:
            How many clicks of people the address has now.

        Raises:
            InvalidClick: the address cannot be counted.
            InvalidDelta: the number of clicks is no integer, or too large.
        """
        url = normalise(for_url)
        self.add_clicks({(url, day_of(datetime.now(UTC))): increment_by}, {})
        return int(Click.humans.value(url))

    increment_clicks.alters_data = True  # type: ignore[attr-defined]

    def add_clicks(self, humans: ByDay, bots: ByDay) -> None:
        """Count clicks on addresses by day, in the caller's transaction, by both models at once.

        Args:
            humans: clicks of people; the addresses are normalised.
            bots: those of programs.
        """
        add_together(
            {
                Click.humans: _in_all(humans),
                ClickDay.humans: humans,
                Click.bots: _in_all(bots),
                ClickDay.bots: bots,
            }
        )

    add_clicks.alters_data = True  # type: ignore[attr-defined]


def _in_all(by_day: ByDay) -> dict[str, int]:
    sums: dict[str, int] = {}
    for (url, _day), number in by_day.items():
        sums[url] = sums.get(url, 0) + number
    return sums


class Click(models.Model):
    """How often an address was clicked."""

    url = KeyField(_("address"), max_length=500, primary_key=True)
    click_count = models.BigIntegerField(_("clicks of people, as stored"), default=0)
    bot_count = models.BigIntegerField(_("clicks of programs, as stored"), default=0)

    humans = Counter(field="click_count")
    bots = Counter(field="bot_count")

    objects: ClassVar[ClickManager] = ClickManager()

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")

    def __str__(self) -> str:
        return str(self.url)


class ClickDay(models.Model):
    """How often an address was clicked on a day, in the site's own time zone."""

    pk = models.CompositePrimaryKey("url", "day")
    url = KeyField(_("address"), max_length=500)
    day = models.DateField(_("day"))
    click_count = models.BigIntegerField(_("clicks of people, as stored"), default=0)
    bot_count = models.BigIntegerField(_("clicks of programs, as stored"), default=0)

    humans = Counter(field="click_count")
    bots = Counter(field="bot_count")

    class Meta:
        verbose_name = _("link by day")
        verbose_name_plural = _("links by day")
        indexes: ClassVar = [models.Index(fields=["day"], name="nc_click_day")]

    def __str__(self) -> str:
        return f"{self.url}, {self.day}"


class Normaliser(models.Model):
    """By what the stored addresses were normalised: with another one, they may be other addresses."""

    library = models.CharField(_("library and version"), max_length=100)
    options = models.TextField(_("options"))
    checked_at = models.DateTimeField(_("checked at"))

    class Meta:
        verbose_name = _("normaliser of addresses")
        verbose_name_plural = _("normalisers of addresses")

    def __str__(self) -> str:
        return self.library
