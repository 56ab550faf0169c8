"""A notification as JSON says it: in the API, and wherever else a program reads it."""

from __future__ import annotations

from typing import Any

from ..models import Notification


def as_json(notification: Notification) -> dict[str, Any]:
    """What a client is told of a notification, for ``DjangoJSONEncoder``.

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
        "created_at": notification.created_at,
        "actor": _actor(notification.actor),
        "target": _target(notification),
        "data": notification.data,
    }


def name_of(user: Any) -> str:
    """A user's full name, or the user name where there is none."""
    full_name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    return full_name or str(user.get_username())


def _actor(actor: Any) -> dict[str, Any] | None:
    return None if actor is None else {"id": actor.pk, "name": name_of(actor)}


def _target(notification: Notification) -> dict[str, str | None] | None:
    kind = notification.target_type
    return None if kind is None else {"type": f"{kind.app_label}.{kind.model}", "id": notification.target_id}
