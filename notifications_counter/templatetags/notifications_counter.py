"""``{% unread_badge %}`` and ``{% unread_count as n %}``."""

from __future__ import annotations

import math
from typing import Any

from django import template
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.formats import localize
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext

from .. import badge
from ..conf import get_settings, is_integer
from ..counters import Counter
from ..exceptions import quoted
from ..models import UserNotificationsCount

register = template.Library()

STYLE_SHEET, SCRIPT = "notifications_counter/badge.css", "notifications_counter/unread-badge.js"
#: In the outermost context of what is being rendered: whether it has the style sheet and the script.
LINKED = "_notifications_counter_linked"
#: No argument, which is something else than a variable that is empty: that is nobody.
LOGGED_IN: Any = object()


@register.simple_tag(takes_context=True)
def unread_badge(
    context: Context,
    user: Any = LOGGED_IN,
    *,
    counter: Counter | str | None = None,
    max: int | None = None,
    live: bool = False,
    nonce: Any = None,
) -> SafeString:
    """The badge of a user; nothing where nobody is logged in, and nothing at 0.

    Args:
        context: what the template is given.
        user: whose, or the primary key; the user who is logged in if none is named.
        counter: what it counts, or its label; unread notifications, or what the inbox says, if none is named.
        max: the largest number that it shows, instead of the setting ``BADGE_MAX``.
        live: whether it changes by itself. What is rendered holds no number then, and is the same for everybody.
        nonce: of the site's Content-Security-Policy, for the live badge's script; taken from where Django and
            django-csp have it if none is given.
    """
    most = _most(max)
    if live:
        if user is not LOGGED_IN or counter is not None:
            raise template.TemplateSyntaxError(
                "{% unread_badge live=True %} is of the user who is logged in, and of the inbox: it takes no user and "
                "no counter."
            )
        return _render(context, "notifications_counter/live_badge.html", _live(context, most, nonce))
    shown = badge.resolve(counter) if counter is not None else badge.shown_counter()
    count = _count(context, user, shown)
    values = {**_badge(count, most, shown), **_links(context)} if count else {"count": count}
    return _render(context, "notifications_counter/badge.html", values)


@register.simple_tag(takes_context=True)
def unread_count(
    context: Context, user: Any = LOGGED_IN, *, counter: Counter | str | None = None
) -> badge.Number | str:
    """The exact number of a user's unread notifications; '' where nobody is logged in.

    Args:
        context: what the template is given.
        user: whose, or the primary key; the user who is logged in if none is named.
        counter: what is counted instead, or its label.
    """
    shown = badge.resolve(counter) if counter is not None else UserNotificationsCount.counter
    count = _count(context, user, shown)
    return "" if count is None else count


def _count(context: Context, user: Any, counter: Counter) -> badge.Number | None:
    request = context.get("request")
    if user is LOGGED_IN:
        user = getattr(request, "user", None) or context.get("user")
    memory = context.dicts[0].setdefault(badge.MEMORY, {}) if request is None else badge.memory_of(request)
    return badge.count_of(user or None, counter, memory)


def _most(given: Any) -> int:
    if given is None or given == "":  # as of a variable that is empty
        return get_settings().BADGE_MAX
    if not is_integer(given) or given < 1:
        raise template.TemplateSyntaxError(
            f"The argument max of {{% unread_badge %}} must be an integer of at least 1, not {quoted(given)}."
        )
    return int(given)


def _badge(count: badge.Number, most: int, counter: Counter) -> dict[str, Any]:
    """What the badge's template shows: put into words here, where it takes a tenth of the time."""
    exact, is_more = localize(count), count > most
    text = f"{localize(most)}+" if is_more else exact
    return {"count": count, "most": most, "is_more": is_more, "text": text, "label": _label(count, exact, counter)}


def _label(count: badge.Number, exact: str, counter: Counter) -> str:
    count = math.ceil(count)  # where it is a sum of decimals
    if counter is UserNotificationsCount.counter:
        words = ngettext("%(exact)s unread notification", "%(exact)s unread notifications", count)
    elif counter is badge.shown_counter():
        words = ngettext("%(exact)s new notification", "%(exact)s new notifications", count)
    else:
        words = ngettext("%(exact)s unread", "%(exact)s unread", count)
    return words % {"exact": exact}


def _live(context: Context, most: int, nonce: Any) -> dict[str, Any]:
    inbox = reverse("notifications_counter:inbox")
    counter = badge.shown_counter()
    shown = "unread" if counter is UserNotificationsCount.counter else "unseen"
    found = nonce if nonce is not None else _nonce(context)
    urls = {"stream": f"{inbox}live/", "poll": f"{inbox}api/unread/"}
    words = {"labels": _labels(counter), "language": get_language()}
    return {**urls, **words, "most": most, "counts": shown, "nonce": found, **_links(context, with_script=True)}


def _labels(counter: Counter) -> str:
    return badge.plural_forms(lambda number: _label(number, "#", counter))


def _nonce(context: Context) -> Any:
    """Where the context processor of Django 6.0, or the middleware of django-csp, has put it."""
    found = context.get("csp_nonce")
    return getattr(context.get("request"), "csp_nonce", None) if found is None else found


def _links(context: Context, *, with_script: bool = False) -> dict[str, str]:
    """What is to be linked with this badge, because none before it on the page has been."""
    outermost: Any = context.render_context.dicts[0]
    linked = outermost.setdefault(LINKED, set())
    wanted = {"style_sheet": STYLE_SHEET, **({"script": SCRIPT} if with_script else {})}
    missing = {name: static(path) for name, path in wanted.items() if name not in linked}
    linked.update(missing)
    return missing


def _render(context: Context, name: str, values: dict[str, Any]) -> SafeString:
    assert context.template is not None, "a tag is rendered by a template"
    return context.template.engine.get_template(name).render(context.new(values))
