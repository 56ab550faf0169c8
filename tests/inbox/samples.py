"""An inbox as a site might have it: for tests of the page, and for the documentation's pictures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from notifications_counter.models import Notification

KINDS = {
    "comment": {"label": "Comments"},
    "like": {"label": "Likes"},
    "mention": {"label": "Mentions"},
    "order": {"label": "Orders"},
    "event": {"label": "Events"},
}
NAMES = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Hedy Lamarr", "Katherine Johnson", "Tim Berners-Lee"]


def with_kinds(**more: Any) -> override_settings:
    """Settings of an inbox that knows these kinds."""
    changed = {**settings.NOTIFICATIONS_COUNTER, "INBOX": {"KINDS": KINDS, **more}}
    return override_settings(NOTIFICATIONS_COUNTER=changed)


def people() -> list[User]:
    """Some who do things that others are told of."""
    words = [(name.split()[0], name.split()[1]) for name in NAMES]
    return [User.objects.create(username=first.lower(), first_name=first, last_name=last) for first, last in words]


def fill(user: User) -> list[Notification]:
    """An inbox with some of everything, newest first."""
    ada, grace, alan, hedy, katherine, tim = people()
    photo, post = User.objects.get(pk=ada.pk), User.objects.get(pk=tim.pk)  # anything can be a target
    commented = {"kind": "comment", "text": "commented on your photo “Sunset over Porto”", "target": photo}
    rows: list[dict[str, Any]] = [
        {"minutes": 2, "actor": hedy, "kind": "mention", "text": "mentioned you in “Frequency hopping, explained”"},
        {"minutes": 9, "actor": grace, **commented},
        {"minutes": 14, "actor": alan, **commented},
        {"minutes": 21, "actor": katherine, **commented},
        {"minutes": 22, "actor": grace, **commented},
        {"minutes": 25, "actor": ada, **commented},
        {"minutes": 58, "kind": "order", "text": "Your parcel is on its way and arrives tomorrow before noon."},
        {"minutes": 190, "actor": tim, "kind": "like", "text": "liked your post", "target": post, "read": True},
        {"minutes": 200, "actor": ada, "kind": "like", "text": "liked your post", "target": post, "read": True},
        {"minutes": 1500, "kind": "event", "text": "Reminder: “Django meetup” begins at 18:30.", "read": True},
        {"minutes": 1620, "actor": katherine, "kind": "comment", "text": "answered your question", "read": True},
        {"minutes": 4400, "kind": "order", "text": "We have received your payment. Thank you!", "read": True},
        {"minutes": 30000, "kind": "", "text": "Welcome! This is where you hear from us.", "url": "", "read": True},
    ]
    now = timezone.now()
    return [
        Notification.objects.create(
            user=user,
            text=row["text"],
            kind=row["kind"],
            url=row.get("url", f"/things/{place}/"),
            actor=row.get("actor"),
            target=row.get("target"),
            has_read=row.get("read", False),
            seen=row.get("read", False),
            created_at=now - timedelta(minutes=row["minutes"]),
        )
        for place, row in enumerate(rows)
    ]
