"""Answers that are no stream."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any


class Refusal(Exception):
    """A request that gets no stream.

    Args:
        status: of the response.
        detail: what is wrong.
        headers: more of the response.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


async def refuse(send: Callable[[dict[str, Any]], Awaitable[None]], refusal: Refusal) -> None:
    """Answer with a problem document."""
    problem = {"type": "about:blank", "title": HTTPStatus(refusal.status).phrase, "status": refusal.status}
    body = json.dumps({**problem, "detail": refusal.detail}).encode()
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Vary": "Cookie",
        **refusal.headers,
    }
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})
