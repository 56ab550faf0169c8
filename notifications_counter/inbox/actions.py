"""What the buttons of the page do: each is a form, and leads back to the page that it was on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from ..controller import NotificationController
from ..exceptions import CounterError, quoted
from ..models import Notification
from ..querysets import NotificationQuerySet
from .conf import LARGEST_PAGE
from .opening import safe_url
from .selection import Selection, address_of

KEY = re.compile("[0-9]{1,19}")
Action = Callable[[HttpRequest, NotificationQuerySet], HttpResponse | None]


class InvalidForm(CounterError, ValueError):
    """A form says something that the page would not have sent."""


def action(do: Action) -> Callable[[HttpRequest], HttpResponse]:
    """A view that does something with the caller's own notifications, and answers with the page it was called from."""

    @wraps(do)
    def view(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(page_of(request))
        try:
            return do(request, NotificationController(request.user).notifications()) or back(request)
        except InvalidForm as error:
            return HttpResponseBadRequest(str(error), content_type="text/plain; charset=utf-8")

    return require_POST(csrf_protect(cache_control(private=True, no_store=True)(view)))


@action
def open_one(request: HttpRequest, own: NotificationQuerySet) -> HttpResponse | None:
    """Mark as read and lead to where the newest one says, or back to the page where that is not safe."""
    chosen = of_form(request, own)
    newest = chosen.order_by("-created_at", "-pk").values_list("url", flat=True).first()
    chosen.mark_as_read()
    url = safe_url(newest or "", request)
    return HttpResponseRedirect(url) if url else None


@action
def mark_as_read(request: HttpRequest, own: NotificationQuerySet) -> None:
    of_form(request, own).mark_as_read()


@action
def mark_as_unread(request: HttpRequest, own: NotificationQuerySet) -> None:
    of_form(request, own).mark_as_unread()


@action
def delete(request: HttpRequest, own: NotificationQuerySet) -> None:
    of_form(request, own).delete()


@action
def mark_all_as_read(request: HttpRequest, own: NotificationQuerySet) -> None:
    """All of the kind that the page shows, but none that came after it was made."""
    until_then(request, Selection.of(request.GET).filter(own)).mark_as_read()


@action
def mark_as_seen(request: HttpRequest, own: NotificationQuerySet) -> None:
    until_then(request, own).mark_as_seen()


def of_form(request: HttpRequest, own: NotificationQuerySet) -> NotificationQuerySet:
    """The caller's notifications that a form names.

    Raises:
        InvalidForm: it names none, too many, or what cannot be one.
    """
    texts = request.POST.getlist("id")
    if not 1 <= len(texts) <= LARGEST_PAGE:
        raise InvalidForm(f"A form must have from 1 to {LARGEST_PAGE} values of 'id', not {len(texts)}.")
    return own.filter(pk__in=[_primary_key(text) for text in texts])


def _primary_key(text: str) -> int:
    try:
        key: int = Notification._meta.pk.clean(text, None)
    except ValidationError:
        raise InvalidForm(f"{quoted(text)} cannot be the 'id' of a notification.") from None
    return key


def until_then(request: HttpRequest, notifications: NotificationQuerySet) -> NotificationQuerySet:
    """Those that were there when the page was made, as its form says; all, if it does not.

    Raises:
        InvalidForm: what it says is no time.
    """
    text = request.POST.get("until")
    return notifications if text is None else notifications.filter(created_at__lte=_moment(text))


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    known = moment is not None and 1000 < moment.year < 9999  # what every database can compare, in every time zone
    if moment is None or not known or timezone.is_aware(moment) is not timezone.is_aware(timezone.now()):
        raise InvalidForm(f"{quoted(text)} is not the time of 'until', as in {quoted(timezone.now().isoformat())}.")
    return moment


def page_of(request: HttpRequest) -> str:
    """The page that a form was on, as its address says."""
    return address_of("inbox", request) + Selection.of(request.GET).query


def back(request: HttpRequest) -> HttpResponse:
    """To that page; to the same place of it, without a script too."""
    first = request.POST.get("id", "")
    return HttpResponseRedirect(page_of(request) + (f"#inbox-{first}" if KEY.fullmatch(first) else ""))
