"""Programs have an API key where browsers have a session and a CSRF token."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.crypto import constant_time_compare


def api_key(request: HttpRequest) -> str:
    """What a request says in ``Authorization: Bearer KEY``; empty where it does not."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def has_api_key(request: HttpRequest) -> bool:
    """Whether it has a key that there is."""
    key = api_key(request)
    return any(constant_time_compare(key, one) for one in settings.PRODUCTS["API_KEYS"])


def unknown_user() -> JsonResponse:
    """The answer to somebody who may not add products."""
    errors = {"__all__": ["Log in, or send an API key that there is: Authorization: Bearer KEY"]}
    return JsonResponse({"errors": errors}, status=401, headers={"WWW-Authenticate": "Bearer"})


class CsrfUnlessApiKey(CsrfViewMiddleware):
    """Django's own, and no view has to be exempt: a page of another site can send cookies, but no key."""

    def process_view(self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any) -> Any:
        if api_key(request):
            return None if has_api_key(request) else unknown_user()
        return super().process_view(request, callback, callback_args, callback_kwargs)
