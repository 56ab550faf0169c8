"""The site's own pages. The inbox is the package's; of these, none counts anything itself."""

import random
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from notifications_counter.buffers.status import Status
from notifications_counter.contrib.clicks.addresses import normalise
from notifications_counter.contrib.clicks.models import Click
from notifications_counter.exceptions import BufferUnavailable
from notifications_counter.inbox import Sent, notify
from notifications_counter.models import UserNotificationsCount

from .compare import Counted, compare, cost, open_tickets, unread
from .models import OpenTickets, Ticket
from .samples import BUSY, NAMES, PASSWORD, TITLES, content

SHOWN = 12
#: The pages to which the links lead whose clicks are counted.
LINKED = ("counters", "tickets", "cost")


def people() -> QuerySet[User]:
    return User.objects.filter(is_active=True).order_by("pk")


def start(request: HttpRequest) -> HttpResponse:
    first = people().filter(username__in=NAMES[:2])
    return render(request, "demo/start.html", {"first": first, "password": PASSWORD})


# Sending


class SendForm(forms.Form):
    to = forms.ModelChoiceField(people(), required=False, empty_label="Everybody")
    number = forms.TypedChoiceField(label="How many", coerce=int, choices=[(n, n) for n in (1, 10, 100)])
    text = forms.CharField(max_length=200, required=False, help_text="Empty: made up.")


@login_required
def send(request: HttpRequest) -> HttpResponse:
    form = SendForm(request.POST or None, initial={"to": request.GET.get("to", request.user.pk)})
    if not form.is_valid():
        return render(request, "demo/send.html", {"form": form})
    to = form.cleaned_data["to"]
    sent = deliver(request.user, to or people(), form.cleaned_data["number"], form.cleaned_data["text"])
    messages.success(request, f"{sent.sent:,} sent to {to.get_full_name() if to else 'everybody'}.{not_wanted(sent)}")
    return redirect(f"{reverse('send')}?{urlencode({'to': to.pk if to else ''})}")


def deliver(sender: Any, recipients: Any, number: int, text: str) -> Sent:
    """Send so many to each of the recipients who want them."""
    sent, chance = Sent(), random.Random()
    for _ in range(number):
        kind, words, url = content(chance, text=text)
        actor = None if kind in ("parcel", "security") else sender
        sent += notify(recipients, words, kind=kind, url=url, actor=actor)
    return sent


def not_wanted(sent: Sent) -> str:
    return f" {sent.unwanted:,} were not wanted, as their preferences say." if sent.unwanted else ""


# Counts


def with_fragment(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """A page, or the part of it that goes on changing, for which its script asks."""
    part = "_live" if "part" in request.GET else ""
    return render(request, f"demo/{name}{part}.html", context)


@login_required
@never_cache
def counters(request: HttpRequest) -> HttpResponse:
    context = {"lines": shown(request.user, unread()), "status": buffer_status()}
    return with_fragment(request, "counters", context)


def shown(user: Any, what: Counted) -> list[Any]:
    """The user who looks, some others, and those with very many."""
    others = people().exclude(pk=user.pk)
    first, busy = others.exclude(username__in=BUSY)[: SHOWN - 1], others.filter(username__in=BUSY)
    return compare([user, *first, *busy], what)


def buffer_status() -> Status | None:
    """None where Redis does not answer: pages work without it, and so does this one."""
    try:
        return UserNotificationsCount.counter.status()
    except BufferUnavailable:
        return None


@login_required
@never_cache
def tickets(request: HttpRequest) -> HttpResponse:
    """Tickets of the site's own model: open one more, close one."""
    if request.method == "POST":
        change_ticket(request.user, request.POST.get("close", ""))
        return redirect("tickets")
    mine = Ticket.objects.filter(assignee=request.user, is_open=True).order_by("-pk")[:SHOWN]
    value = OpenTickets.counter.value(request.user)
    context = {"mine": mine, "value": value, "lines": shown(request.user, open_tickets())}
    return with_fragment(request, "tickets", context)


def change_ticket(user: Any, close: str) -> None:
    if close.isdecimal() and len(close) < 19:
        Ticket.objects.filter(assignee=user, pk=int(close)).update(is_open=False)
    else:
        Ticket.objects.create(assignee=user, title=random.choice(TITLES))


@login_required
@never_cache
def links(request: HttpRequest) -> HttpResponse:
    """Links whose clicks are counted, by people and by programs."""
    urls = {name: normalise(request.build_absolute_uri(reverse(name))) for name in LINKED}
    people, programs = Click.humans.values(urls.values()), Click.bots.values(urls.values())
    rows = [(name.title(), url, people[url], programs[url]) for name, url in urls.items()]
    return with_fragment(request, "links", {"rows": rows})


@login_required
@never_cache
def who(request: HttpRequest) -> HttpResponse:
    """Who is online; the stream of the package keeps it right."""
    return render(request, "demo/who.html")


@login_required
@never_cache
def cost_of_reading(request: HttpRequest) -> HttpResponse:
    """Measured while the page is made, on the data that are there."""
    users = [request.user, *people().filter(username__in=BUSY).exclude(pk=request.user.pk)]
    costs = sorted((cost(user, unread()) for user in users), key=lambda each: each.number)
    return render(request, "demo/cost.html", {"costs": costs})
