"""Sending and processing clicks by message, under the names of the articles that this began with."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.utils.module_loading import import_string

from .addresses import normalise
from .recording import ClickEvent, ingest

if TYPE_CHECKING:
    from .consuming import Consumed


def send_increment_clicks(for_url: str) -> None:
    """Send a message that a person has clicked on an address.

    Without a broker the click is counted in the configured buffer.

    Args:
        for_url: the address, however it is written.

    Raises:
        InvalidClick: the address cannot be counted.
    """
    record_many([for_url])


def record_many(urls: Iterable[str]) -> int:
    """Record many clicks of people at once: up to 100 messages are on their way before the first is confirmed.

    Args:
        urls: an address for each click.

    Returns:
        How many clicks were recorded.

    Raises:
        InvalidClick: one of the addresses cannot be counted. Nothing has been recorded then.
    """
    now = datetime.now(UTC)
    events = [ClickEvent(uuid.uuid4().hex, normalise(url), False, now) for url in urls]
    if events:
        ingest()(events)
    return len(events)


def process_clicks() -> Consumed:
    """Count all clicks that the broker and the database have gathered so far, and return.

    Returns:
        What was done.

    Raises:
        BrokerUnavailable: the broker does not answer. What the database has kept has been counted.
        DatabaseError: the database does not.
        InvalidSettings: the settings name no broker.
        MissingExtra: Kombu is not installed.
    """
    done: Consumed = import_string(f"{__package__}.consuming.Consumer")().run_once()
    return done
