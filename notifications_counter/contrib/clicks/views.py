"""A click: recorded, and led on to where the link goes."""

from __future__ import annotations

import logging

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ...exceptions import CounterError, InvalidClick, quoted
from .conf import NAME
from .recording import record
from .targets import may_open, read
from .visitors import is_speculative

logger = logging.getLogger("notifications_counter")


@require_safe
@cache_control(no_store=True)
def count(request: HttpRequest) -> HttpResponse:
    """Record a click on the address ``u``, and redirect to it."""
    if is_speculative(request):
        # A browser asks again when somebody clicks, which it does after an error alone: it would follow a redirect
        # that it has fetched beforehand without a word, and the click would be lost.
        return HttpResponse(status=503)
    try:
        address, is_signed = read(request.GET.get("u", ""))
    except InvalidClick as error:
        return _refused(request, str(error))
    if not may_open(address, is_signed=is_signed):
        return _refused(request, gettext("This site has not made this link, and does not know where it leads."))
    _record(address.target, request)
    return _redirect(address.target)


def _record(target: str, request: HttpRequest) -> None:
    """Whoever clicks gets where they want to, whether or not the click can be counted."""
    try:
        record(target, request)
    except (CounterError, DatabaseError) as error:
        logger.exception("A click on %s could not be counted: %s.", quoted(target), type(error).__name__)


def _redirect(target: str) -> HttpResponse:
    response = HttpResponseRedirect(target)
    response["Location"] = target  # as the standard writes it: Django quotes some of what the standard leaves
    return response


def _refused(request: HttpRequest, reason: str) -> HttpResponse:
    context = {"reason": reason, "address": request.GET.get("u", "")[:200], "setting": f"{NAME}['ALLOWED_HOSTS']"}
    return render(request, "notifications_counter/clicks/refused.html", context, status=400)
