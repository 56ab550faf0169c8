"""The address of a channel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from .asgi import ATTRIBUTE
from .channel import Channel
from .hub import Hub


def live_view(channel: Channel) -> Callable[[HttpRequest], HttpResponse]:
    """A view for the address of a channel, which must end with ``live/``; ``Live`` answers there instead of it.

    Where there is no ``Live``, on WSGI for one, it answers 204, by which browsers know that there is no stream.
    """

    @login_not_required
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})

    setattr(view, ATTRIBUTE, partial(Hub, channel))
    return view
