"""The same values by Django's ``StreamingHttpResponse``: a view, a request and a generator for each stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path

from notifications_counter.inbox.live import UnreadChannel
from notifications_counter.live.hub import Hub
from notifications_counter.live.sessions import Session
from tests.support.live_urls import urlpatterns as site

_hubs: list[Hub] = []


async def streaming(request: HttpRequest) -> HttpResponseBase:
    user = await request.auser()
    if not user.is_authenticated:
        return HttpResponse(status=401)
    # Django closes connections at the end of a request: else each stream would keep one, and 100 would be too many.
    await sync_to_async(connections.close_all)()
    if not _hubs:
        _hubs.append(Hub(UnreadChannel()))
    return StreamingHttpResponse(events(_hubs[0], user), content_type="text/event-stream")


async def events(hub: Hub, user: Any) -> AsyncIterator[bytes]:
    """What a stream of the hub would send."""
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    session = Session("", user.pk)
    stream: Any = SimpleNamespace(show=queue.put_nowait, key=str(user.pk), at=float("inf"), session=session)
    stream.end = lambda: None
    hub.add(stream)
    try:
        while True:
            yield await queue.get()
    finally:
        hub.remove(stream)


urlpatterns = [path("streaming/", streaming), *site]
