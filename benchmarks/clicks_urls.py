"""Three ways to lead a click on: without counting it, counted, and counted as one does it by hand."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import include, path

from notifications_counter.contrib.clicks.models import Click


def bare(request: HttpRequest) -> HttpResponse:
    """A redirect, and nothing else."""
    return HttpResponseRedirect(request.GET["u"])


def by_hand(request: HttpRequest) -> HttpResponse:
    """A redirect that counts in the row of the link: what is lost between two of them at once is nobody's concern."""
    click, _ = Click.objects.get_or_create(url=request.GET["u"])
    click.click_count += 1
    click.save()
    return HttpResponseRedirect(request.GET["u"])


urlpatterns = [
    path("bare/", bare),
    path("by-hand/", by_hand),
    path("clicks/", include("notifications_counter.contrib.clicks.urls")),
]
