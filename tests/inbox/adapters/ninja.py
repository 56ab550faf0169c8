from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.security import django_auth

from notifications_counter.inbox import operations
from notifications_counter.inbox.numbers import numbers_of

api = NinjaAPI(auth=django_auth)


class Marked(Schema):
    ids: list[int]
    read: bool


@api.exception_handler(operations.InvalidInput)
def refused(request: HttpRequest, error: operations.InvalidInput) -> HttpResponse:
    return api.create_response(request, {"detail": str(error)}, status=400)


@api.get("notifications/")
def notifications(
    request: HttpRequest, cursor: str | None = None, unread: bool | None = None, kind: str | None = None
) -> dict[str, Any]:
    return operations.list_notifications(request.user, cursor=cursor, unread=unread, kind=kind).payload()


@api.post("notifications/mark/")
def mark(request: HttpRequest, marked: Marked) -> dict[str, Any]:
    operations.mark(request.user, marked.ids, read=marked.read)
    return numbers_of(request.user).whole_payload()
