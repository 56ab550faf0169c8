"""What a badge adds to a whole page.

    python -m benchmarks.page [--long]

The pages go through Django's middleware, sessions and authentication as a browser's request does, but over no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import engines

from .environment import make_count_rows, start_anew
from .measure import Figure, milliseconds_more, per_call, take_turns
from .report import run_alone

PAGE = "{% load notifications_counter %}<!doctype html><title>Hello</title><p>Hello {{ user.username }} <b>BADGE</b>"
BADGES = {"with": "{% unread_badge %}", "without": ""}
_templates: dict[str, Any] = {}


def page(request: HttpRequest, name: str) -> HttpResponse:
    """The same page with a badge and without."""
    if name not in _templates:
        _templates[name] = engines["django"].from_string(PAGE.replace("BADGE", BADGES[name]))
    return HttpResponse(_templates[name].render({}, request))


def figures(at_scale: bool) -> Iterator[Figure]:
    from django.contrib.auth.models import User
    from django.test import Client

    from notifications_counter.models import Notification, UserNotificationsCount

    users = start_anew(1_000)
    make_count_rows(UserNotificationsCount)
    for _ in range(7):
        Notification.objects.create(user_id=users[0], text="Your parcel has arrived")
    client = Client()
    client.force_login(User.objects.get(pk=users[0]))
    with_badge, without = (client.get(f"/{name}/") for name in BADGES)
    assert (with_badge.status_code, without.status_code) == (200, 200)
    assert b">7<" in with_badge.content and b"7" not in without.content, with_badge.content
    ours, theirs = (per_call(lambda name=name: client.get(f"/{name}/"), 0.03) for name in BADGES)
    measured = take_turns(200 if at_scale else 31, ours, theirs)
    yield milliseconds_more("a page with a badge, Redis", "the same page without", measured, 0.15)


if __name__ == "__main__":
    run_alone(figures, __doc__)
