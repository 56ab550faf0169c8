"""Who asks for an address: a person, a program, or a browser before anybody has clicked."""

from __future__ import annotations

import re

from django.http import HttpRequest

from .crawlers import is_crawler

#: What browsers send that fetch, or render, a page to which nobody has gone yet: of today, of Chromium until 2025 and
#: Safari, of Firefox until 2023.
SPECULATIVE = {
    "Sec-Purpose": re.compile(r"\b(prefetch|prerender)\b", re.IGNORECASE),
    "Purpose": re.compile(r"\bprefetch\b", re.IGNORECASE),
    "X-Moz": re.compile(r"\bprefetch\b", re.IGNORECASE),
}
#: What browsers and mail programs send that show a small picture of a page.
PREVIEW = re.compile(r"\bpreview\b", re.IGNORECASE)


def is_speculative(request: HttpRequest) -> bool:
    """Whether a browser asks before anybody has clicked: it prefetches or prerenders."""
    return any(pattern.search(request.headers.get(name, "")) for name, pattern in SPECULATIVE.items())


def is_program(request: HttpRequest) -> bool:
    """Whether nobody has clicked: a crawler, a preview, a request for the head alone, or a browser by itself."""
    return (
        request.method == "HEAD"
        or is_speculative(request)
        or any(PREVIEW.search(request.headers.get(name, "")) for name in ("Purpose", "X-Purpose"))
        or is_crawler(request.headers.get("User-Agent", ""))
    )
