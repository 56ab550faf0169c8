"""``Live``, which answers at the addresses of channels, and hands everything else to the site's application."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import Resolver404, resolve

from .refusals import Refusal, refuse
from .shutdown import close_all, end_with_process
from .stream import Stream

if TYPE_CHECKING:  # which needs the models, that are loaded when the site's application is made
    from .hub import Hub

logger = logging.getLogger("notifications_counter")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: On a view: what makes the hub of its address.
ATTRIBUTE = "live_hub"

#: What each stream says: that it may not be kept, changed, or gathered on its way; nor read by other sites.
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"vary", b"Cookie"),
]


class Live:
    """An ASGI application around the site's own: no view, no thread and no database connection for each stream.

    Args:
        application: the site's, such as what ``get_asgi_application()`` returns.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self._hubs: dict[Callable[[], Hub], Hub] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http" and (make_hub := hub_at(scope)) is not None:
            await self._answer(self.hub_of(make_hub), scope, receive, send)
        else:
            await self.application(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """End with the server where it tells so; an application that knows of it hears of it too."""

        async def hear() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                close_all()
            return message

        with suppress(ValueError):  # Django's own application takes nothing but requests
            await self.application(scope, hear, send)
            return
        while True:
            kind = (await hear())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return

    async def _answer(self, hub: Hub, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = ASGIRequest(scope, io.BytesIO())
            check(request, hub)
            allowed = await self._authorise(hub, request)
        except Refusal as refusal:
            await refuse(send, refusal)
            return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if request.method == "HEAD":
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self._stream(hub, Stream(send, _current_task(), *allowed), receive)

    async def _authorise(self, hub: Hub, request: ASGIRequest) -> Any:
        try:
            allowed = await hub.authorise(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))
        except Exception as error:
            logger.warning("Whose a stream is could not be read: %s: %s", type(error).__name__, error)
            raise Refusal(503, "The session cannot be read now. Try again.") from error
        if allowed is None:
            raise Refusal(401, "Nobody is logged in.")
        return allowed

    async def _stream(self, hub: Hub, stream: Stream, receive: Receive) -> None:
        hub.add(stream)
        try:
            if not hub.is_closing:
                while (await receive())["type"] != "http.disconnect":
                    pass
        except asyncio.CancelledError:
            if not stream.is_over:  # the server's own doing
                raise
        finally:
            hub.remove(stream)
        if stream.is_over or hub.is_closing:
            await stream.finish()

    def hub_of(self, make_hub: Callable[[], Hub]) -> Hub:
        """The hub of an address in the event loop that runs, made by its first stream."""
        hub = self._hubs.get(make_hub)
        if hub is None or hub.loop is not asyncio.get_running_loop():
            hub = self._hubs[make_hub] = make_hub()
            end_with_process(hub)
        return hub


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def hub_at(scope: Scope) -> Callable[[], Hub] | None:
    """What makes the hub whose address is asked for; what does not end with ``live/`` is not even looked up."""
    path: str = scope["path"]
    if not path.endswith("live/"):
        return None
    prefix: str = scope.get("root_path", "") or settings.FORCE_SCRIPT_NAME or ""
    try:
        match = resolve(path.removeprefix(prefix.rstrip("/")))
    except Resolver404:
        return None
    make_hub: Callable[[], Hub] | None = getattr(match.func, ATTRIBUTE, None)
    return make_hub


def check(request: ASGIRequest, hub: Hub) -> None:
    """What Django and its middleware would check of a request.

    Raises:
        Refusal: it gets no stream.
    """
    if request.method not in ("GET", "HEAD"):
        raise Refusal(405, "Only GET and HEAD.", {"Allow": "GET, HEAD"})
    try:
        origin = f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        raise Refusal(400, "The host is not one of ALLOWED_HOSTS.") from None
    moved = SecurityMiddleware(lambda request: HttpResponse()).process_request(request)
    if moved is not None:
        raise Refusal(moved.status_code, "Only over HTTPS.", {"Location": moved["Location"]})
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Refusal(403, "Not from a page of another site.")
    if request.headers.get("Origin", origin) not in (origin, *settings.CSRF_TRUSTED_ORIGINS):
        raise Refusal(403, "Not from a page of another site.")
    if hub.is_closing:
        raise Refusal(503, "The server is about to end. Try again.", {"Retry-After": "1"})
