"""The addresses of a site with live badges: pages that are the same for everybody, and a way out."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import include, path, reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from notifications_counter.live import shutdown


@cache_control(public=True, max_age=3600)
def page(request: HttpRequest) -> HttpResponse:
    """A page with a badge that any cache may keep for all users: it says no number."""
    live, poll = reverse("notifications_counter:live"), reverse("notifications_counter:api_unread")
    options = " ".join(name for name in ("tab-title", "app-badge") if name in request.GET)
    interval = request.GET.get("interval", "30")
    style = (
        f'<link rel="stylesheet" href="{static("notifications_counter/badge.css")}">' if "styled" in request.GET else ""
    )
    return HttpResponse(
        f'<!doctype html><html lang="en"><meta name="color-scheme" content="light dark"><title>Site</title>{style}'
        f'<script type="module" src="{static("notifications_counter/unread-badge.js")}"></script>'
        f'<main><h1>Site</h1><unread-badge src="{live}" poll="{poll}" max="99" interval="{interval}" {options}>'
        "</unread-badge></main>"
    )


@csrf_exempt
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse(status=204)


def streams(request: HttpRequest) -> HttpResponse:
    """How many streams the process has."""
    return HttpResponse(str(sum(len(hub.streams) for hub in shutdown.hubs())))


urlpatterns = [
    path("other/", lambda request: HttpResponse("Another page")),
    path("streams/", streams),
    path("page/", page),
    path("leave/", leave),
    path("inbox/", include("notifications_counter.inbox.urls")),
]
