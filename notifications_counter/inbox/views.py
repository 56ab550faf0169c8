"""The page of the inbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ..controller import NotificationController
from ..target_field import fetch_together
from . import actions
from .conf import inbox_settings
from .grouping import Group, groups_of
from .models import UnreadByKind
from .numbers import numbers_of
from .selection import Selection, address_of
from .tabs import tabs_of_kinds, tabs_of_state


@require_safe
@login_required
@cache_control(private=True, no_store=True)
def inbox(request: HttpRequest) -> HttpResponse:
    """The inbox of the user who is logged in; looking at it changes nothing."""
    return render(request, "notifications_counter/inbox/page.html", context_of(request))


def context_of(request: HttpRequest) -> dict[str, Any]:
    """What the templates of the page are given."""
    now, selection = timezone.now(), Selection.of(request.GET)
    notifications = NotificationController(request.user).notifications().select_related("actor")
    numbers = numbers_of(request.user)
    page = selection.page(notifications, inbox_settings().PAGE_SIZE)
    fetch_together(page.notifications)
    kinds = known_kinds(request.user) | {each.kind for each in page.notifications}
    return {
        "selection": selection,
        "numbers": numbers,
        "tabs": tabs_of_state(selection, numbers),
        "kinds": tabs_of_kinds(selection, numbers, kinds),
        "sections": sections_of(groups_of(page.notifications), now),
        "newer": selection.but(before=page.newer) if page.newer else None,
        "older": selection.but(after=page.older) if page.older else None,
        "newest": selection.but() if page.newer else None,
        "until": max([now, *(each.created_at for each in page.notifications[:1])]).isoformat(),
        "inbox_url": address_of("inbox", request),
    }


def known_kinds(user: Any) -> set[str]:
    """The kinds that a user has ever had unread ones of when a flush came."""
    return set(UnreadByKind._default_manager.filter(user=user).values_list("kind", flat=True))


def sections_of(groups: list[Group], now: datetime) -> list[tuple[str, list[Group]]]:
    """The groups of each stretch of time, under its name."""
    return [(name, list(found)) for name, found in groupby(groups, lambda group: period_of(group, now))]


def period_of(group: Group, now: datetime) -> str:
    """The stretch of time that a group belongs to, by the calendar of the current time zone."""
    days = (local_date(now) - local_date(group.newest.created_at)) / timedelta(days=1)
    if days < 1:
        return gettext("Today")
    if days < 2:
        return gettext("Yesterday")
    return gettext("Last seven days") if days < 7 else gettext("Older")


def local_date(moment: datetime) -> Any:
    return (timezone.localtime(moment) if timezone.is_aware(moment) else moment).date()


urlpatterns = [
    path("", inbox, name="inbox"),
    path("open/", actions.open_one, name="open"),
    path("mark-as-read/", actions.mark_as_read, name="mark_as_read"),
    path("mark-as-unread/", actions.mark_as_unread, name="mark_as_unread"),
    path("mark-all-as-read/", actions.mark_all_as_read, name="mark_all_as_read"),
    path("mark-as-seen/", actions.mark_as_seen, name="mark_as_seen"),
    path("delete/", actions.delete, name="delete"),
]
