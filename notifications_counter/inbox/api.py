"""The JSON API of the inbox: the addresses below ``api/``, each of which ``openapi.json`` describes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from ..exceptions import quoted, unknown
from ..models import Notification
from . import api_preferences, operations
from .api_body import is_json, read_fields
from .api_view import ApiView, answer
from .numbers import EPOCH_HEADER, numbers_of
from .operations import InvalidInput
from .problems import Problem
from .representation import as_json

BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

PARAMETERS = ("cursor", "kind", "limit", "unread")


class NotificationList(ApiView):
    """A page of the notifications, with all numbers."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer the page that the parameters choose."""
        try:
            listing = operations.list_notifications(request.user, **_parameters(request))
        except InvalidInput as error:
            raise _invalid_parameter(str(error)) from None
        document = {**listing.payload(), "next": _address_of(request, listing.next_cursor)}
        return answer(document, listing.numbers)


class NotificationDetail(ApiView):
    """One notification. Somebody else's is as unknown as one that does not exist."""

    def get(self, request: HttpRequest, notification_id: str) -> HttpResponse:
        """Answer the notification."""
        return answer(as_json(_found(request, notification_id)))

    def patch(self, request: HttpRequest, notification_id: str) -> HttpResponse:
        """Mark it as read or unread; answer it, with the new numbers."""
        read = read_fields(request, {"read": bool})["read"]
        notification = _found(request, notification_id)
        operations.mark(request.user, [notification.pk], read=read)
        notification.has_read = read
        numbers = numbers_of(request.user)
        return answer({**as_json(notification), **numbers.whole_payload()}, numbers)

    def delete(self, request: HttpRequest, notification_id: str) -> HttpResponse:
        """Delete it; answer the new numbers."""
        if not operations.delete(request.user, [_checked_id(notification_id)]):
            raise _unknown(notification_id)
        return _new_numbers(request)


class Mark(ApiView):
    """Many notifications at once."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Mark them as read or unread; answer the new numbers, and how many have changed."""
        given = read_fields(request, {"ids": list, "read": bool})
        try:
            changed = operations.mark(request.user, given["ids"], read=given["read"])
        except InvalidInput as error:
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid_ids", str(error), pointer="/ids") from None
        return _new_numbers(request, changed=changed)


class MarkAll(ApiView):
    """All notifications at once.

    Args:
        action: marks them for a user.
    """

    action: Callable[[Any], int] | None = None

    def post(self, request: HttpRequest) -> HttpResponse:
        """Mark them; answer the new numbers."""
        if is_json(request):
            read_fields(request, {})  # there is nothing to say
        if self.action is not None:
            self.action(request.user)
        return _new_numbers(request)


class Unread(ApiView):
    """The numbers alone, for a badge: a client that has them already is told so."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the numbers, with an ``ETag`` that covers all of them."""
        numbers = numbers_of(request.user)
        response = answer(numbers.whole_payload(), numbers)
        response.headers["ETag"] = numbers.etag
        told = get_conditional_response(request, etag=numbers.etag, response=response) or response
        told.headers[EPOCH_HEADER] = numbers.epoch
        return told


class OpenApi(ApiView):
    """The description of the API, which is the same for everybody."""

    needs_user = False

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer the OpenAPI document."""
        return HttpResponse(_document(), content_type="application/json")


@cache
def _document() -> bytes:
    return (Path(__file__).parent / "openapi.json").read_bytes()


def _parameters(request: HttpRequest) -> dict[str, Any]:
    """The parameters of a list, as ``list_notifications`` takes them.

    Raises:
        Problem: one is unknown, or can be none.
    """
    given = request.GET.dict()
    for name in given:
        if name not in PARAMETERS:
            raise _invalid_parameter(unknown("parameter", name, PARAMETERS))
    found: dict[str, Any] = {name: given[name] for name in ("cursor", "kind") if name in given}
    if "unread" in given:
        if given["unread"] not in BOOLEANS:
            said = _("unread must be true or false, not %(value)s.")
            raise _invalid_parameter(said % {"value": quoted(given["unread"])})
        found["unread"] = BOOLEANS[given["unread"]]
    if "limit" in given:
        found["limit"] = _number(given["limit"]) or given["limit"]
    return found


def _invalid_parameter(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "invalid_parameter", detail)


def _address_of(request: HttpRequest, cursor: str | None) -> str | None:
    """The address of the next page: the same with another cursor."""
    return None if cursor is None else f"{request.path}?{urlencode({**request.GET.dict(), 'cursor': cursor})}"


def _number(text: str) -> int | None:
    """A number of digits alone, in as many as a database's largest one has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _checked_id(text: str) -> int:
    number = _number(text)
    if number is None:
        raise _unknown(text)
    return number


def _found(request: HttpRequest, text: str) -> Notification:
    found = operations.get_notification(request.user, _checked_id(text))
    if found is None:
        raise _unknown(text)
    return found


def _unknown(text: str) -> Problem:
    detail = _("You have no notification with the id %(id)s.") % {"id": quoted(text)}
    return Problem(HTTPStatus.NOT_FOUND, "not_found", detail)


def _new_numbers(request: HttpRequest, **more: Any) -> HttpResponse:
    numbers = numbers_of(request.user)
    return answer({**numbers.whole_payload(), **more}, numbers)


urlpatterns: list[Any] = [
    path("notifications/", NotificationList.as_view(), name="api_notifications"),
    path("notifications/mark/", Mark.as_view(), name="api_mark"),
    path("notifications/<str:notification_id>/", NotificationDetail.as_view(), name="api_notification"),
    path("unread/", Unread.as_view(), name="api_unread"),
    path("mark-all-read/", MarkAll.as_view(action=operations.mark_all_as_read), name="api_mark_all_read"),
    path("mark-all-seen/", MarkAll.as_view(action=operations.mark_all_as_seen), name="api_mark_all_seen"),
    *api_preferences.urlpatterns,
    path("openapi.json", OpenApi.as_view(), name="api_openapi"),
]
