"""The pages. All counting is behind NotificationController, the queryset and {% unread_badge %}."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from notifications_counter.buffers.status import Status
from notifications_counter.controller import NotificationController
from notifications_counter.exceptions import BufferUnavailable
from notifications_counter.models import Notification, UserNotificationsCount

from .compare import compare
from .samples import PASSWORD, unsaved

PAGE_LENGTH = 10


def start(request: HttpRequest) -> HttpResponse:
    return render(request, "inbox/start.html", {"first": people().first(), "password": PASSWORD})


@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    newest = NotificationController(request.user).notifications().order_by("-created_at", "-id")
    page = Paginator(newest, PAGE_LENGTH).get_page(request.GET.get("page"))
    return render(request, "inbox/inbox.html", {"page": page})


@login_required
@require_POST
def mark_as_read(request: HttpRequest, pk: int) -> HttpResponse:
    if NotificationController(request.user).mark_as_read(pk):
        messages.success(request, "Marked as read.")
    else:
        messages.info(request, "Nothing to mark: it is read already, or not yours.")
    return back(request)


@login_required
@require_POST
def mark_all_as_read(request: HttpRequest) -> HttpResponse:
    number = NotificationController(request.user).mark_all_as_read()
    messages.success(request, f"{number:,} marked as read.")
    return back(request)


@login_required
@require_POST
def send_me(request: HttpRequest) -> HttpResponse:
    sent = Notification.objects.bulk_create(unsaved([request.user] * 10))
    messages.success(request, f"{len(sent)} notifications sent to you.")
    return redirect("inbox")


@login_required
@require_POST
def send_everybody(request: HttpRequest) -> HttpResponse:
    sent = Notification.objects.bulk_create(unsaved(people()))
    messages.success(request, f"{len(sent):,} notifications sent, one to everybody.")
    return back(request)


@login_required
def counts(request: HttpRequest) -> HttpResponse:
    lines = compare(people())
    return render(request, "inbox/counts.html", {"lines": lines, "status": buffer_status()})


def buffer_status() -> Status | None:
    """None where Redis does not answer: pages work without it, and so does this one."""
    try:
        return UserNotificationsCount.counter.status()
    except BufferUnavailable:
        return None


def people() -> QuerySet[User]:
    return User.objects.filter(is_active=True).order_by("pk")


def back(request: HttpRequest) -> HttpResponse:
    """To the page from which a button was pressed, as the button's own address says."""
    if request.GET.get("from") == "counts":
        return redirect("counts")
    return redirect(f"{reverse('inbox')}?{urlencode({'page': request.GET.get('page', 1)})}")
