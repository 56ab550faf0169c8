"""The admin's page of the state of all counters: what is pending, drift, and what flushes did."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .applying.result import FlushResult
from .buffers.status import Status
from .composite_admin import may_view
from .counters import Counter, counters
from .exceptions import CounterError, described
from .flushing.all_counters import flush_each
from .monitoring.chart import chart_of
from .monitoring.history import recent, this_minute
from .monitoring.status import read_status

NAME = "notifications_counter_status"

#: Minutes that the chart shows, and rows of the history below it.
MINUTES, ROWS = 120, 20

#: Seconds after which a flush that somebody waits for ends; what is left is for the next one.
SECONDS = 10


def may_change(request: HttpRequest, counter: Counter) -> bool:
    """Whether whoever asks may flush and recount a counter."""
    meta = counter.model._meta
    return request.user.has_perm(f"{meta.app_label}.change_{meta.model_name}")


def outside_transactions(view: Any) -> Any:
    """A view that flushes or recounts, which no transaction may surround, whatever ``ATOMIC_REQUESTS`` says."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def shown(error: Exception) -> str:
    """What a message says of an error."""
    return described(error) if isinstance(error, CounterError) else f"{type(error).__name__}: {described(error)}"


def name_of(counter: Counter) -> str:
    """What a counter counts, for people."""
    return str(capfirst(counter.model._meta.verbose_name_plural))


class StatusPages(admin.ModelAdmin):  # type: ignore[type-arg]
    """The admin of another model, with the page of the status below it."""

    def get_urls(self) -> list[Any]:
        view = outside_transactions(self.admin_site.admin_view(self.status_page))
        return [path("status/", view, name=NAME), *super().get_urls()]

    def status_page(self, request: HttpRequest) -> HttpResponse:
        """The status of each counter, and the history of flushes; a POST flushes them."""
        own = [counter for counter in counters() if may_view(request, counter.model)]
        if not own or not self.has_view_permission(request):
            raise PermissionDenied
        changeable = [counter for counter in own if may_change(request, counter)]
        if request.method == "POST":
            if not changeable:
                raise PermissionDenied
            flush_and_say(request, changeable)
            return HttpResponseRedirect(reverse(f"admin:{NAME}", current_app=self.admin_site.name))
        context: dict[str, Any] = {"title": _("Status of the counters"), "lines": [Line(counter) for counter in own]}
        context |= {"may_flush": bool(changeable), "opts": self.opts, **history_of(own)}
        template = "admin/notifications_counter/status.html"
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), **context})


class Line:
    """A counter and its status; or what went wrong."""

    def __init__(self, counter: Counter) -> None:
        self.name = name_of(counter)
        self.label = counter.label
        self.status: Status | None = None
        try:
            self.status = read_status(counter)
            self.problem = self.status.problem
        except (CounterError, DatabaseError) as error:
            self.problem = shown(error)


def history_of(own: list[Counter]) -> dict[str, Any]:
    """The chart and the rows below it; none where the table is not there yet."""
    now = this_minute()
    names = {counter.label: name_of(counter) for counter in own}
    try:
        records = [
            record
            for using in sorted({counter.store().using for counter in own} or {DEFAULT_DB_ALIAS})
            for record in recent(using, names, MINUTES)
        ]
    except DatabaseError as error:
        return {"history_problem": shown(error)}
    rows = [(names[record.counter], record) for record in records[:ROWS]]
    return {"chart": chart_of(records, now, MINUTES), "rows": rows, "minutes": MINUTES}


def flush_and_say(request: HttpRequest, own: list[Counter]) -> None:
    """Flush counters, for a limited time, and say of each what that did."""
    end, names = time.monotonic() + SECONDS, {each.label: name_of(each) for each in own}
    results = list(flush_each(own, stop=lambda: time.monotonic() > end))
    for result in results:
        level, sentence = _said(result)
        if sentence:
            messages.add_message(request, level, f"{names[result.label]}: {sentence}")
    if not any(result.keys or result.recounted or not result.ok for result in results):
        messages.info(request, _("Nothing was pending."))
    if len(results) < len(own) or any(result.stopped for result in results):
        messages.warning(request, _("The flush took too long and was stopped. The next one applies the rest."))


def _said(result: FlushResult) -> tuple[int, str]:
    if not result.ok:
        return messages.ERROR, " ".join([*filter(None, [result.error]), *result.lost, *result.problems])[:1000]
    if result.passed_over:
        return messages.WARNING, result.passed_over.removeprefix(f"{result.label}: ")
    if not (result.keys or result.recounted):
        return messages.INFO, ""
    keys = ngettext("%d count changed", "%d counts changed", result.keys) % result.keys
    recounts = ngettext("%d recounted", "%d recounted", result.recounted) % result.recounted
    return messages.SUCCESS, f"{keys}, {recounts}."
