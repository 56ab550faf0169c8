"""The admin's page of one user's counts: stored, pending and actual side by side, to be recounted and flushed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _

from .compat.uncached import rows_of
from .composite_admin import may_view
from .counters import Counter, counters
from .exceptions import CounterError, InvalidKey
from .ledger.snapshot import BATCH, RecountResult
from .ledger.store import CounterStore
from .reconciliation.recount import recount_once, refuse_in_transaction
from .status_admin import flush_and_say, may_change, name_of, outside_transactions, shown

NAME = "notifications_counter_user"


def user_counters(request: HttpRequest) -> list[Counter]:
    """The counters whose keys are users, or begin with one, and that whoever asks may view."""
    user = get_user_model()
    return [
        counter
        for counter in counters()
        if getattr(counter.keys.parts[0].column, "related_model", None) is user and may_view(request, counter.model)
    ]


@dataclass(frozen=True)
class Line:
    """A key of a counter, and what is known of it; None for what is not.

    Attributes:
        name: what is counted.
        stored, pending, actual: the numbers.
        problem: why they are not all known, a sentence.
    """

    name: str
    stored: Any = None
    pending: Any = None
    actual: Any = None
    problem: str = ""

    @property
    def difference(self) -> Any:
        """By how much the count is wrong; None where that cannot be said."""
        return None if self.actual is None else self.actual - self.stored - self.pending


class UserCountsPages(admin.ModelAdmin):  # type: ignore[type-arg]
    """The admin of a model whose rows belong to users, with a page for each user below it."""

    def get_urls(self) -> list[Any]:
        view = outside_transactions(self.admin_site.admin_view(self.user_page))
        return [path("user/<str:key>/", view, name=NAME), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """What the list leads to: nothing can be changed there, and the page of the user says more."""
        if request.method == "GET":
            return HttpResponseRedirect(self.user_url(unquote(object_id)))
        return super().change_view(request, object_id, *args, **kwargs)

    def user_url(self, pk: Any) -> str:
        return reverse(f"admin:{NAME}", args=[quote(pk)], current_app=self.admin_site.name)

    def user_page(self, request: HttpRequest, key: str) -> HttpResponse:
        """The counts of one user; a POST recounts or flushes them."""
        own = user_counters(request)
        if not own or not self.has_view_permission(request):
            raise PermissionDenied
        user = self._user(own[0], unquote(key))
        if request.method == "POST":
            self._act(request, user, [counter for counter in own if may_change(request, counter)])
            return HttpResponseRedirect(self.user_url(user.pk))
        context = {
            "title": _("Counts of %(user)s") % {"user": user},
            "user_shown": user,
            "lines": [line for counter in own for line in lines_of(counter, user)],
            "may_change": any(may_change(request, counter) for counter in own),
            "opts": self.opts,
        }
        template = "admin/notifications_counter/user_counts.html"
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), **context})

    def _user(self, counter: Counter, key: str) -> Any:
        first = counter.keys.parts[0]
        try:
            found = rows_of(get_user_model(), counter.store().using).filter(pk=first.value(first.text(key))).first()
        except InvalidKey:
            found = None
        if found is None:
            raise Http404(_("There is no such user."))
        return found

    def _act(self, request: HttpRequest, user: Any, own: list[Counter]) -> None:
        if not own:
            raise PermissionDenied
        if request.POST.get("action") == "flush":
            flush_and_say(request, own)
        elif request.POST.get("action") == "recount":
            recount_and_say(request, own, user)
        else:
            messages.error(request, _("Choose what to do: recount or flush."))
            return
        self.log_change(request, user, f"{request.POST['action']}: {self.opts.verbose_name_plural}")


def lines_of(counter: Counter, user: Any) -> list[Line]:
    """What is known of a user's counts of one counter."""
    name = name_of(counter)
    return guarded(lambda: _lines(counter, user, name), name)


def guarded(call: Callable[[], list[Line]], name: str) -> list[Line]:
    """What a call gives; or a line that says why it could not."""
    try:
        return call()
    except (CounterError, DatabaseError) as error:
        return [Line(name, problem=shown(error))]


def _lines(counter: Counter, user: Any, name: str) -> list[Line]:
    store = counter.store()
    if store.events:
        return [_of_events(counter, store, user, name)] if not store.has_groups else []
    refuse_in_transaction(store)
    found = recount_once(store, keys_of(counter, store, user), check=True)
    lines = [Line(_named(store, key, name), one.stored, one.pending, one.actual) for key, one in found.items()]
    return lines or [Line(name, problem=busy(store))]


def _of_events(counter: Counter, store: CounterStore, user: Any, name: str) -> Line:
    rows = rows_of(counter.model, store.using).filter(pk=user.pk)
    stored = rows.values_list(counter.field.attname, flat=True).first() or 0
    return Line(name, stored, counter.value(user) - stored)


def busy(store: CounterStore) -> str:
    """Why a count could not be looked at."""
    return _("No counts.") if store.has_groups else _("It is being changed at this moment. Load the page again.")


def keys_of(counter: Counter, store: CounterStore, user: Any) -> list[str]:
    """A user's keys: of composite ones the first that have rows or a count."""
    if not store.has_groups:
        return [counter.key_text(user)]
    group = counter.keys.group(user)
    keys = {*store.actual_counts_of_group(group), *store.group_snapshot(group).keys}
    keys |= {counter.key_text((user.pk, *as_tuple(rest))) for rest in counter.values_of(user)}
    return sorted(keys)[:BATCH]


def as_tuple(rest: Any) -> tuple[Any, ...]:
    """What distinguishes a composite key in its group, always as a tuple."""
    return rest if isinstance(rest, tuple) else (rest,)


def _named(store: CounterStore, key: str, name: str) -> str:
    if not store.has_groups:
        return name
    rest = as_tuple(store.counter.keys.rest(key))
    return f"{name}: {', '.join(str(part) or '-' for part in rest)}"


def recount_and_say(request: HttpRequest, own: list[Counter], user: Any) -> None:
    """Recount a user's counts, and say of each what was found."""
    for counter in own:
        name, store = name_of(counter), counter.store()
        if store.events:
            continue
        try:
            found = counter.recount([counter.keys.value(key) for key in keys_of(counter, store, user)])
        except (CounterError, DatabaseError) as error:
            messages.error(request, f"{name}: {shown(error)}")
            continue
        for one in found:
            _say(request, _named(store, one.key, name), one)


def _say(request: HttpRequest, name: str, one: RecountResult) -> None:
    numbers = {"stored": one.stored, "pending": one.pending, "actual": one.actual, "name": name}
    if one.difference:
        said = _("%(name)s: stored %(stored)s, pending %(pending)s, actual %(actual)s; corrected by %(difference)s.")
        messages.warning(request, said % {**numbers, "difference": f"{one.difference:+}"})
    else:
        said = _("%(name)s: stored %(stored)s, pending %(pending)s, actual %(actual)s; right.")
        messages.success(request, said % numbers)
