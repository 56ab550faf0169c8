"""By what the stored addresses were normalised, and which of them would be others by what is installed now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from django.db import connections, router, transaction
from django.utils import timezone

from ...exceptions import InvalidClick
from ...together import add_together
from .addresses import normalise
from .conf import clicks_settings
from .models import Click, ClickDay, Normaliser

LIBRARY = "ada-url"
#: The settings by which addresses are one.
OPTIONS = ("SORT_QUERY", "IGNORE_FRAGMENT", "IGNORE_PARAMETERS")
#: Addresses that are read from the database at once.
CHUNK = 2000


@dataclass(frozen=True)
class Moved:
    """A stored address that is another one now.

    Attributes:
        old: as it is stored.
        new: as it is now; None where it cannot be counted any more.
    """

    old: str
    new: str | None


def installed() -> Normaliser:
    """What addresses are normalised by now; not saved."""
    settings = clicks_settings()
    options = json.dumps({name: getattr(settings, name) for name in OPTIONS}, default=list)
    return Normaliser(library=f"{LIBRARY} {version(LIBRARY)}", options=options, checked_at=timezone.now())


def is_checked(using: str | None = None) -> bool:
    """Whether the stored addresses were found to be those that what is installed would make of them."""
    stored = Normaliser.objects.using(using).order_by("pk").last()
    now = installed()
    return stored is not None and (stored.library, stored.options) == (now.library, now.options)


def remember() -> None:
    """Store that all addresses are those that what is installed makes of them."""
    if not is_checked():
        installed().save()


def remember_first(using: str, **kwargs: Any) -> None:
    """After a migration, where there is no address yet that could have been normalised by anything else."""
    tables = connections[using].introspection.table_names()
    if not (router.allow_migrate_model(using, Normaliser) and Normaliser._meta.db_table in tables):
        return  # another database, or after a migration backwards
    if not (Normaliser.objects.using(using).exists() or Click.objects.using(using).exists()):
        installed().save(using=using)


def moved() -> Iterator[Moved]:
    """The stored addresses, if they have clicks, that are others now, in their order."""
    has_clicks = Click.objects.exclude(click_count=0, bot_count=0).order_by("url")
    for url in has_clicks.values_list("url", flat=True).iterator(CHUNK):
        new = _normalised(url)
        if new != url:
            yield Moved(url, new)


def _normalised(url: str) -> str | None:
    try:
        return normalise(url)
    except InvalidClick:
        return None


def move(old: str, new: str) -> None:
    """Give all clicks of one address to another: those of each day, and the sums, at once."""
    with transaction.atomic(using=Click.humans.store().using):
        changes: dict[Any, dict[Any, int]] = {}
        for in_all, by_day in ((Click.humans, ClickDay.humans), (Click.bots, ClickDay.bots)):
            number, days = in_all.value(old), by_day.values_of(old)
            changes[in_all] = {new: number, old: -number}
            changes[by_day] = {(new, day): n for day, n in days.items()} | {(old, day): -n for day, n in days.items()}
        add_together(changes)
