"""Where opening a notification leads: to its URL, if that is on this site or on a host that the settings allow."""

from __future__ import annotations

import re

from django.http import HttpRequest
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme

from .conf import inbox_settings

#: Browsers leave these out, or turn them into others, before they look at the rest.
NEVER = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
HAS_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
#: What Django refuses to redirect to, and more than any browser's address has to hold.
LONGEST = 2048


def safe_url(url: str, request: HttpRequest) -> str | None:
    """A notification's URL where a redirect may lead to it.

    Args:
        url: as it is stored. Without a host it is on this site, from its root on.
        request: says what this site's own host is.

    Returns:
        The URL, with what it has of other alphabets quoted; None if it is not safe, or there is none.
    """
    url = url.strip()
    if not url or NEVER.search(url):
        return None
    if not url.startswith("/") and not HAS_SCHEME.match(url):
        url = f"/{url}"
    hosts = {request.get_host(), *inbox_settings().ALLOWED_HOSTS}
    allowed = url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure())
    address = iri_to_uri(url) or ""
    return address if allowed and len(address) <= LONGEST else None
