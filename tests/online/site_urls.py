"""The addresses of a site that shows who is online."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import engines
from django.urls import include, path

from tests.support.live_urls import streams

PAGE = """<!doctype html><html lang="en">{% load static notifications_online %}<title>Site</title>
<script type="module" src="{% static "notifications_counter/users-online.js" %}"></script>
<users-online src="/online/live/" here="/online/here/">{% users_online %}</users-online></html>"""

AHEAD = """<!doctype html><html lang="en"><title>Ahead</title>
<script type="speculationrules">{"prerender": [{"urls": ["/who/"], "eagerness": "immediate"}]}</script>
<a href="/who/">Who</a></html>"""


#: How often the page was asked for ahead of time.
asked: list[str] = []


def who(request: HttpRequest) -> HttpResponse:
    if purpose := request.headers.get("Sec-Purpose"):
        asked.append(purpose)
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


def ahead(request: HttpRequest) -> HttpResponse:
    return HttpResponse(AHEAD)


urlpatterns = [
    path("who/", who),
    path("ahead/", ahead),
    path("streams/", streams),
    path("asked/", lambda request: HttpResponse(str(len(asked)))),
    path("", lambda request: redirect("/who/")),
    path("online/", include("notifications_counter.contrib.online.urls")),
]
