"""A context processor: ``unread_count`` in every template."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest

from . import badge


def unread_count(request: HttpRequest) -> dict[str, Any]:
    """``{{ unread_count }}``: the unread notifications of the user who is logged in, read where a template uses it."""
    return {"unread_count": partial(badge.unread_count, request)}
