"""The preferences of the caller, by the JSON API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from ..exceptions import quoted
from . import preferences
from .api_body import read_fields
from .api_view import ApiView, answer
from .operations import InvalidInput, by_ids
from .preferences import InvalidChoice
from .problems import Problem

#: How many muted targets one request takes back.
MOST_TARGETS = 100


class Preferences(ApiView):
    """Which kinds of notifications the user gets, and what is muted."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer both."""
        return _answer(request)

    def patch(self, request: HttpRequest) -> HttpResponse:
        """Change some kinds; answer both."""
        kinds = read_fields(request, {"kinds": dict})["kinds"]
        try:
            preferences.choose(request.user, kinds)
        except InvalidChoice as error:
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid_choice", str(error), pointer="/kinds") from None
        return _answer(request)


class MuteTargets(ApiView):
    """What the user is to be told nothing more about."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Mute the targets of the user's own notifications; answer the preferences."""
        ids = read_fields(request, {"ids": list})["ids"]
        try:
            preferences.mute(request.user, by_ids(request.user, ids))
        except InvalidInput as error:
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid_ids", str(error), pointer="/ids") from None
        return _answer(request)


class UnmuteTargets(ApiView):
    """What the user is to be told of again."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take back what was muted; answer the preferences."""
        targets = read_fields(request, {"targets": list})["targets"]
        if len(targets) > MOST_TARGETS:
            detail = _("%(number)d targets are too many: at most %(most)d at a time.")
            raise _invalid(detail % {"number": len(targets), "most": MOST_TARGETS})
        preferences.unmute(request.user, [_target(target) for target in targets])
        return _answer(request)


def _target(given: Any) -> tuple[str, str]:
    if not isinstance(given, dict) or given.keys() != {"type", "id"}:
        raise _invalid(_("A target is an object with type and id, not %(value)s.") % {"value": quoted(given)})
    kind, pk = given["type"], given["id"]
    if not (isinstance(kind, str) and isinstance(pk, str) and kind.isprintable() and pk.isprintable()):
        raise _invalid(
            _("The type and the id of a target are printable texts, not %(value)s.") % {"value": quoted(given)}
        )
    return kind, pk


def _invalid(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "invalid_targets", detail, pointer="/targets")


def _answer(request: HttpRequest) -> HttpResponse:
    kinds = [
        {
            "kind": each.kind,
            "label": each.label,
            "wanted": each.wanted,
            "default": each.default,
            "required": each.required,
        }
        for each in preferences.preferences_of(request.user)
    ]
    muted = [
        {"type": f"{mute.target_type.app_label}.{mute.target_type.model}", "id": mute.target_id}
        for mute in preferences.muted_by(request.user)
    ]
    return answer({"kinds": kinds, "muted": muted})


urlpatterns: list[Any] = [
    path("preferences/", Preferences.as_view(), name="api_preferences"),
    path("preferences/mute/", MuteTargets.as_view(), name="api_mute_targets"),
    path("preferences/unmute/", UnmuteTargets.as_view(), name="api_unmute_targets"),
]
