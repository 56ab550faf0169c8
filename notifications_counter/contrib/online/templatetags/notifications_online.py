"""``{% load notifications_online %}``: ``{% users_online %}``."""

from __future__ import annotations

from typing import Any

from django import template

from .. import presence

register = template.Library()


@register.inclusion_tag("notifications_counter/online/users_online.html")
def users_online(minutes: int | None = None, room: str = "", limit: int = 20) -> dict[str, Any]:
    """Who is online, newest report first, and how many they are.

    Args:
        minutes: as for ``users_online`` of the package.
        room: a room; by default the whole site.
        limit: how many are named at most, up to 50.
    """
    users = presence.users_online(minutes, room=room, limit=limit)
    number = len(users) if not users.following else presence.number_online(minutes, room=room)
    return {"users": users, "number": number, "more": max(0, number - len(users))}
