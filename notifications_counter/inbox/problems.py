"""Errors of the API as problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import JsonResponse


class Problem(Exception):
    """A request cannot be answered as it is.

    Args:
        status: the status of the response.
        code: names what is wrong for programs; it is never translated.
        detail: says it to people, and what to do.
        headers: further headers of the response.
        pointer: a JSON pointer to the part of the body that is wrong.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        pointer: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers, self.pointer = status, code, detail, headers, pointer

    def response(self) -> JsonResponse:
        """The problem document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
        }
        if self.pointer is not None:
            document["pointer"] = self.pointer
        return JsonResponse(document, status=self.status, headers=self.headers, content_type="application/problem+json")
