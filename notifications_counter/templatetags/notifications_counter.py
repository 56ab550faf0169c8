"""``{% unread_badge %}`` and ``{% unread_count as n %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.db import models
from django.template import Context
from django.utils.formats import localize
from django.utils.translation import ngettext

from ..conf import get_settings
from ..models import UserNotificationsCount

register = template.Library()

#: On the request, or where there is none in the outermost context: so that a page reads once.
MEMORY = "_notifications_counter_unread"


@register.inclusion_tag("notifications_counter/badge.html", takes_context=True)
def unread_badge(context: Context) -> dict[str, Any]:
    """The badge of the user who is logged in; nothing for anybody else."""
    count = _unread(context)
    return _badge(count, get_settings().BADGE_MAX) if count else {"count": count}


def _badge(count: int, most: int) -> dict[str, Any]:
    """What the badge's template shows: put into words here, where it takes a tenth of the time."""
    exact, is_more = localize(count), count > most
    label = ngettext("%(exact)s unread notification", "%(exact)s unread notifications", count) % {"exact": exact}
    text = f"{localize(most)}+" if is_more else exact
    return {"count": count, "most": most, "is_more": is_more, "text": text, "label": label}


@register.simple_tag(takes_context=True)
def unread_count(context: Context) -> int | str:
    """The exact number of unread notifications of the user who is logged in; '' for anybody else."""
    count = _unread(context)
    return "" if count is None else count


def _unread(context: Context) -> int | None:
    request = context.get("request")
    user = getattr(request, "user", None) or context.get("user")
    if user is None or not user.is_authenticated:
        return None
    memory = _memory(context, request)
    if user.pk not in memory:
        # What is no model may have a primary key too, such as the user of a token.
        key = user if isinstance(user, models.Model) else user.pk
        memory[user.pk] = UserNotificationsCount.counter.value(key)
    return int(memory[user.pk])


def _memory(context: Context, request: Any) -> dict[Any, int]:
    if request is None:
        memory: dict[Any, int] = context.dicts[0].setdefault(MEMORY, {})
        return memory
    if not hasattr(request, MEMORY):
        setattr(request, MEMORY, {})
    memory = getattr(request, MEMORY)
    return memory
