"""The middleware that reports who makes requests: at most once in ``REPORT_INTERVAL`` seconds each."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings as django_settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import LazyObject

from ...exceptions import InvalidKey
from . import members, presence
from .conf import function_of, online_settings

logger = logging.getLogger("notifications_counter")

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]

SALT = "notifications_counter.contrib.online"

#: So many reports are remembered in a process; then those that ran out are forgotten.
MOST_REMEMBERED = 50_000

#: Who was reported by this process -> until when they need not be again.
_reported: dict[str, float] = {}


class OnlineMiddleware:
    """Report the user of each request after it was answered; a guest, too, with the setting ``GUESTS``.

    It stands below ``AuthenticationMiddleware`` in ``MIDDLEWARE``. A page that a browser loads before anybody wants to
    see it reports nobody.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._acall(request)
        response: Any = self.get_response(request)
        if not is_speculative(request):
            _report(request, _user_of(request), response)
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await self.get_response(request)  # type: ignore[misc]
        if not is_speculative(request):
            user = await request.auser() if _may_be_known(request) and hasattr(request, "auser") else None
            if _is_due(request, user):
                await sync_to_async(_report)(request, user, response)
        return response


def is_speculative(request: HttpRequest) -> bool:
    """Whether a browser loads a page before anybody wants to see it: "prefetch", or "prefetch;prerender"."""
    purpose = request.headers.get("Sec-Purpose", "")
    return purpose.partition(";")[0].strip().lower() in ("prefetch", "prerender")


def _may_be_known(request: Any) -> bool:
    """Whether to look who it is. Without a session nobody is, and a page that looks may not be kept by caches."""
    user = getattr(request, "user", None)
    looked_at = user is not None and not isinstance(user, LazyObject)
    return looked_at or django_settings.SESSION_COOKIE_NAME in request.COOKIES


def _user_of(request: Any) -> Any:
    return request.user if hasattr(request, "user") and _may_be_known(request) else None


def _name(request: HttpRequest, user: Any) -> str | None:
    """Whom a request reports: a key of this process and of the cookie."""
    if user is not None and user.is_authenticated:
        try:
            return f"{members.USERS}:{members.name_of(user)}"
        except InvalidKey as error:
            logger.warning("A user cannot be reported as online: %s", error)
            return None
    if not online_settings().GUESTS:
        return None
    address = (function_of("ADDRESS") or _remote_address)(request)
    return f"{members.GUESTS}:{members.digest_of_guest(address)}" if address else None


def _remote_address(request: HttpRequest) -> str | None:
    return request.META.get("REMOTE_ADDR")


def _is_due(request: HttpRequest, user: Any) -> bool:
    name = _name(request, user)
    return name is not None and _reported.get(name, 0.0) <= time.monotonic() and not _has_cookie(request, name)


def _report(request: HttpRequest, user: Any, response: HttpResponseBase) -> None:
    if not _is_due(request, user):
        return
    name = _name(request, user)
    assert name is not None
    _remember(name)
    kind, _, key = name.partition(":")
    if kind == members.GUESTS:
        presence.report_guest_digest(key)
        return
    presence.report_user(user)
    _set_cookie(name, response)


def _remember(name: str) -> None:
    now = time.monotonic()
    if len(_reported) >= MOST_REMEMBERED:
        for each, until in list(_reported.items()):
            if until <= now:
                _reported.pop(each, None)
    if len(_reported) >= MOST_REMEMBERED:
        _reported.clear()
    _reported[name] = now + online_settings().REPORT_INTERVAL


# The cookie


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=SALT)


def _mark(name: str) -> str:
    """What the cookie says: not the name itself, which may have characters that no cookie has."""
    return str(members.number_of(name))


def _has_cookie(request: HttpRequest, name: str) -> bool:
    cookie = online_settings().COOKIE
    value = request.COOKIES.get(cookie, "") if cookie else ""
    if not value:
        return False
    try:
        return _signer().unsign(value, max_age=online_settings().REPORT_INTERVAL) == _mark(name)
    except signing.BadSignature:
        return False


def _set_cookie(name: str, response: Any) -> None:
    cookie = online_settings().COOKIE
    if cookie and hasattr(response, "set_cookie"):
        response.set_cookie(
            cookie,
            _signer().sign(_mark(name)),
            max_age=online_settings().REPORT_INTERVAL,
            path=django_settings.SESSION_COOKIE_PATH,
            domain=django_settings.SESSION_COOKIE_DOMAIN,
            secure=django_settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
