"""Addresses of a site that reports who is there."""

from django.contrib import admin
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path


def there(request: HttpRequest) -> HttpResponse:
    return HttpResponse("there")


async def athere(request: HttpRequest) -> HttpResponse:
    return HttpResponse("there")


def leave(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse("left")


def who(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string("{% load notifications_online %}{% users_online minutes=10 %}")
    return HttpResponse(template.render({}, request))


urlpatterns = [
    path("there/", there),
    path("athere/", athere),
    path("leave/", leave),
    path("who/", who),
    path("admin/", admin.site.urls),
    path("online/", include("notifications_counter.contrib.online.urls")),
]
