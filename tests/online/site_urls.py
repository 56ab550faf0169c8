"""The addresses of a site that shows who is online."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import engines
from django.urls import include, path

from tests.support.live_urls import streams

PAGE = """<!doctype html><html lang="en">{% load static notifications_online %}<title>Site</title>
<script type="module" src="{% static "notifications_counter/users-online.js" %}"></script>
<users-online src="/online/live/" here="/online/here/">{% users_online %}</users-online></html>"""

#: A page that lets the browser load another one ahead.
AHEAD = '<!doctype html><html lang="en"><title>Ahead</title><a href="/who/">Who</a></html>'
RULES = '{"prerender": [{"urls": ["/who/"], "eagerness": "immediate"}]}'


#: How often the page was asked for ahead of time.
asked: list[str] = []


def who(request: HttpRequest) -> HttpResponse:
    if purpose := request.headers.get("Sec-Purpose"):
        asked.append(purpose)
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


def ahead(request: HttpRequest) -> HttpResponse:
    return HttpResponse(AHEAD, headers={"Speculation-Rules": '"/rules/"'})


def rules(request: HttpRequest) -> HttpResponse:
    return HttpResponse(RULES, content_type="application/speculationrules+json")


urlpatterns = [
    path("who/", who),
    path("ahead/", ahead),
    path("rules/", rules),
    path("streams/", streams),
    path("asked/", lambda request: HttpResponse(str(len(asked)))),
    path("", lambda request: redirect("/who/")),
    path("online/", include("notifications_counter.contrib.online.urls")),
]
