"""``{% counted_url "https://example.com/" %}`` and ``{% clicks_of "https://example.com/" %}``."""

from __future__ import annotations

from urllib.parse import quote

from django import template
from django.urls import reverse

from ....exceptions import InvalidClick
from ..addresses import normalise, parse
from ..models import Click
from ..targets import sign

register = template.Library()


@register.simple_tag
def counted_url(url: str) -> str:
    """The address that counts a click and leads on to another one. It is signed, so that nobody can make others of it.

    Args:
        url: where it leads: an absolute address of http or https. Any other is not signed: the link leads to a page
            that says what is wrong with it.
    """
    try:
        given = sign(parse(url).target)
    except InvalidClick:
        given = str(url)
    return f"{reverse('clicks:count')}?u={quote(given, safe='/:')}"


@register.simple_tag
def clicks_of(url: str) -> int:
    """How many clicks of people an address has; 0 of what cannot be counted.

    Args:
        url: the address, however it is written.
    """
    try:
        return int(Click.humans.value(normalise(url)))
    except InvalidClick:
        return 0
