"""What a client has sent to the API, checked before anything changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import quoted, unknown
from .problems import Problem

#: The longest body that is read.
MOST_BYTES = 1024 * 1024

#: Field -> the type that it must have.
Fields = Mapping[str, type]

TYPE_NAMES = {bool: gettext_lazy("true or false"), list: gettext_lazy("an array"), dict: gettext_lazy("an object")}


def refuse_large(request: HttpRequest) -> None:
    """Refuse a body by its announced length, before anything of it is read.

    Raises:
        Problem: it is too large.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isascii() and length.isdecimal() and (len(length) > 18 or int(length) > MOST_BYTES):
        raise _too_large()


def is_json(request: HttpRequest) -> bool:
    """Whether the body says that it is JSON."""
    return request.content_type == "application/json"


def read_fields(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    """The body: an object with just these fields, each of its type; where there are none, it may be empty.

    Raises:
        Problem: it is anything else.
    """
    if not is_json(request):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            _("The body must be JSON: send it with the header Content-Type: application/json."),
            headers={"Accept": "application/json"},
        )
    body = _read(request)
    found = _parsed(body) if body or fields else {}
    if not isinstance(found, dict):
        raise _invalid("invalid_body", _("The body must be a JSON object."), "")
    _check_names(found, fields)
    for name, kind in fields.items():
        if type(found[name]) is not kind:
            detail = _("%(field)s must be %(type)s, not %(value)s.")
            values = {"field": quoted(name), "type": TYPE_NAMES[kind], "value": quoted(found[name])}
            raise _invalid("wrong_type", detail % values, f"/{name}")
    return found


def _check_names(found: Mapping[str, Any], fields: Fields) -> None:
    for name in found:
        if name not in fields:
            raise _invalid("unknown_field", unknown("field", name, fields), "")
    for name in fields:
        if name not in found:
            raise _invalid("missing_field", _("The field %(field)s is missing.") % {"field": quoted(name)}, "")


def _read(request: HttpRequest) -> bytes:
    try:
        body = request.read(MOST_BYTES + 1)  # without a length, as in chunks, nobody has said how much there is
    except RequestDataTooBig:
        raise _too_large() from None
    except UnreadablePostError:
        raise _invalid("unreadable_body", _("The body ended before it was complete."), None) from None
    if len(body) > MOST_BYTES:
        raise _too_large()
    return body


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), object_pairs_hook=_each_once, parse_constant=_refuse_constant)
    except RecursionError:
        raise _invalid("invalid_json", _("The body is nested too deeply."), None) from None
    except ValueError as error:  # among them bytes that are not UTF-8, and numbers of thousands of digits
        detail = _("The body is not valid JSON: %(error)s.") % {"error": _said(error)}
        raise _invalid("invalid_json", detail, None) from None


def _said(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    return _("it is not UTF-8") if isinstance(error, UnicodeDecodeError) else str(error)


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(_("an object has a name twice"))
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(_("%(name)s is no JSON") % {"name": name})


def _too_large() -> Problem:
    detail = _("The body is too large: at most %(most)d bytes.") % {"most": MOST_BYTES}
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)


def _invalid(code: str, detail: str, pointer: str | None) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, code, detail, pointer=pointer)
