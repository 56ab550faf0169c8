"""Clicks that no broker has confirmed: the database keeps them until they are counted."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, connections, transaction

from ...exceptions import described
from .message_models import KeptClick
from .models import Click
from .once import alias, count_once
from .recording import ClickEvent

logger = logging.getLogger("notifications_counter")

#: How many clicks one transaction counts.
CHUNK = 1_000


def keep(events: Sequence[ClickEvent]) -> None:
    """Keep clicks in the database, in the caller's transaction.

    A broker may have some of them all the same: it was only not heard of. Their ids tell that.
    """
    rows = [KeptClick(id=event.id, url=event.url, is_bot=event.is_bot, at=event.at) for event in events]
    KeptClick.objects.using(alias()).bulk_create(rows, ignore_conflicts=True)


def count_kept(using: str | None = None) -> int:
    """Count the clicks that the database keeps.

    Args:
        using: a database alias, where it is not the model's own.

    Returns:
        How many it has let go of.

    Raises:
        DatabaseError: the database does not answer.
    """
    database, counted = using or alias(), 0
    while part := list(KeptClick.objects.using(database).order_by("at")[:CHUNK]):
        events = [ClickEvent(uuid.UUID(str(row.pk)).hex, row.url, row.is_bot, row.at) for row in part]
        count_once(events, kept=True, using=database)
        counted += len(part)
    return counted


def after_flush(sender: Any, counter: Any, using: str, **kwargs: Any) -> None:
    """A flush counts what is kept, too, so that nothing waits for a consumer that nobody runs."""
    if counter is not Click.humans or transaction.get_connection(using).in_atomic_block:
        return
    try:
        if KeptClick._meta.db_table in connections[using].introspection.table_names():
            count_kept(using)
    except DatabaseError as error:
        logger.error("Clicks that the database keeps could not be counted: %s", described(error))
