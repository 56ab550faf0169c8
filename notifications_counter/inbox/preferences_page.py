"""The page of preferences: a form of kinds, and what has been muted. It needs no script."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from ..querysets import NotificationQuerySet
from . import preferences
from .actions import action, of_form
from .models import Mute
from .preferences import InvalidChoice
from .selection import address_of


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@csrf_protect
@cache_control(private=True, no_store=True)
def page(request: HttpRequest) -> HttpResponse:
    """The preferences of the user who is logged in; a POST saves the kinds that the form showed."""
    if request.method == "POST":
        return _save(request)
    context = {
        "kinds": preferences.preferences_of(request.user),
        "muted": [(mute, _name(mute)) for mute in preferences.muted_by(request.user)],
        "saved": "saved" in request.GET,
        "inbox_url": address_of("inbox", request),
    }
    return render(request, "notifications_counter/inbox/preferences.html", context)


def _save(request: HttpRequest) -> HttpResponse:
    """What is not ticked is not sent by a browser: the form names all kinds that it shows."""
    shown, ticked = request.POST.getlist("shown"), set(request.POST.getlist("wanted"))
    try:
        preferences.choose(request.user, {kind: kind in ticked for kind in shown})
    except InvalidChoice as error:
        return HttpResponseBadRequest(str(error), content_type="text/plain; charset=utf-8")
    return _back(request)


def _name(mute: Mute) -> str:
    """What a muted object is called; what is gone, by its model and primary key."""
    model = mute.target_type.model_class()
    found: Any = None if model is None else mute.target
    return str(found) if found is not None else f"{mute.target_type.name} {mute.target_id}"


@action
def mute(request: HttpRequest, own: NotificationQuerySet) -> None:
    """Send nothing more about what the notifications of a form are about."""
    preferences.mute(request.user, of_form(request, own))


@require_POST
@login_required
@csrf_protect
@cache_control(private=True, no_store=True)
def unmute(request: HttpRequest) -> HttpResponse:
    """Tell the user of an object again."""
    preferences.unmute(request.user, [(request.POST.get("type", ""), request.POST.get("id", ""))])
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(address_of("preferences", request) + "?saved")


urlpatterns = [
    path("preferences/", page, name="preferences"),
    path("preferences/mute/", mute, name="mute"),
    path("preferences/unmute/", unmute, name="unmute"),
]
