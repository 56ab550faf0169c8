"""Receivers that hear of a signal before all others: Django calls them in the order in which they were connected.

A receiver of ``post_save`` that shows the unread count must find it changed already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models.signals import ModelSignal


def connect_first(signal: ModelSignal, receiver: Callable[..., None], sender: Any) -> None:
    """Connect a receiver, once, in front of those that are connected already."""
    before = len(signal.receivers)
    signal.connect(receiver, sender=sender, dispatch_uid=f"notifications_counter.{receiver.__name__}")
    with signal.lock:
        if len(signal.receivers) > before:
            signal.receivers.insert(0, signal.receivers.pop())
        signal.sender_receivers_cache.clear()
