"""A middleware: ``request.unread_count``, and ``await request.aunread_count()``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import lazy

from . import badge

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def unread_count(get_response: GetResponse) -> Callable[[HttpRequest], Any]:
    """Give each request the number of its user's unread notifications, which is read when it is used.

    It stands below ``AuthenticationMiddleware`` in ``MIDDLEWARE``.
    """
    if iscoroutinefunction(get_response):

        async def ask(request: HttpRequest) -> HttpResponseBase:
            _prepare(request)
            return await get_response(request)  # type: ignore[no-any-return]

        return ask

    def answer(request: HttpRequest) -> Any:
        _prepare(request)
        return get_response(request)

    return answer


def _prepare(request: Any) -> None:
    request.unread_count = lazy(partial(badge.unread_count, request), int)()
    request.aunread_count = partial(badge.aunread_count, request)
