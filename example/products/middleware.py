"""Programs have an API key where browsers have a session and a CSRF token."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.crypto import constant_time_compare


def has_api_key(request: HttpRequest) -> bool:
    """Whether a request says ``Authorization: Bearer KEY``, with a key that there is."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    keys = settings.PRODUCTS["API_KEYS"]
    return scheme.lower() == "bearer" and any([constant_time_compare(key.strip(), one) for one in keys])


class CsrfUnlessApiKey(CsrfViewMiddleware):
    """Django's own, and no view has to be exempt: a page of another site can send cookies, but no key."""

    def process_view(self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any) -> Any:
        if has_api_key(request):
            return None
        return super().process_view(request, callback, callback_args, callback_kwargs)
