"""A site whose pages have counted links, which the browser prefetches or prerenders; and what it has asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.urls import path

from tests.apps_urls import urlpatterns as of_apps

PAGE = Template(
    """{% load notifications_clicks %}<!doctype html><title>Start</title>
<script type="speculationrules">
{"{{ how }}": [{"source": "list", "urls": ["{{ link }}"], "eagerness": "immediate"}]}
</script>
<a id="link" href="{{ link }}">A link</a>"""
)


def start(request: HttpRequest, how: str) -> HttpResponse:
    """A page with one link, whose target the browser fetches in advance."""
    from notifications_counter.contrib.clicks.templatetags.notifications_clicks import counted_url

    link = counted_url(request.build_absolute_uri("/target/"))
    return HttpResponse(PAGE.render(Context({"how": how, "link": link})))


def target(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<!doctype html><title>Target</title><h1>Target</h1>")


urlpatterns = [*of_apps, path("start/<str:how>/", start), path("target/", target)]

#: Path, purpose and status of each answer.
seen: list[tuple[str, str, int]] = []


class Seen:
    """Middleware that notes what was asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        answer = self.get_response(request)
        seen.append((request.path, request.headers.get("Sec-Purpose", ""), answer.status_code))
        return answer
