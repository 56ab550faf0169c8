"""A notification as JSON says it: in the API, and wherever else a program reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from ..conf import is_integer
from ..models import Notification
from .grouping import name_of


def as_json(notification: Notification) -> dict[str, Any]:
    """What a client is told of a notification, of nothing but what JSON has.

    Args:
        notification: one whose ``actor`` and ``target_type`` were selected with it, or each costs a query.
    """
    return {
        "id": notification.pk,
        "text": notification.text,
        "kind": notification.kind,
        "url": notification.url,
        "read": notification.has_read,
        "seen": notification.seen,
        "created_at": _moment(notification.created_at),
        "actor": _actor(notification.actor),
        "target": _target(notification),
        "data": notification.data,
    }


def _moment(at: datetime) -> str:
    """A time in UTC, whatever the site's time zone is."""
    aware = timezone.make_aware(at) if timezone.is_naive(at) else at
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _actor(actor: Any) -> dict[str, Any] | None:
    if actor is None:
        return None
    return {"id": actor.pk if is_integer(actor.pk) else str(actor.pk), "name": name_of(actor)}


def _target(notification: Notification) -> dict[str, str | None] | None:
    kind = notification.target_type
    return None if kind is None else {"type": f"{kind.app_label}.{kind.model}", "id": notification.target_id}
