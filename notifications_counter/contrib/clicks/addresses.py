"""Addresses as the WHATWG URL Standard writes them, and the one under which the clicks of an address are counted.

The rules are those of browsers (https://url.spec.whatwg.org/), by the library Ada, which browsers' engines use too.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from ...exceptions import InvalidClick, MissingExtra, quoted
from .conf import NAME, ClicksSettings, clicks_settings

try:
    import ada_url
except ImportError as error:
    raise MissingExtra("ada-url", "clicks") from error

SCHEMES = ("http:", "https:")
#: What Django refuses to redirect to, and more than any browser's address has to hold.
LONGEST_TARGET = 2048


@dataclass(frozen=True)
class Address:
    """An address that clicks may lead to.

    Attributes:
        target: where a click leads, as the standard writes it.
        key: under which its clicks are counted: the same, without what the settings ignore.
        host: its host in small letters, in ASCII, with its port where that is not the scheme's own.
    """

    target: str
    key: str
    host: str


def parse(url: str) -> Address:
    """An address as browsers understand it.

    Args:
        url: an absolute address, with its scheme.

    Raises:
        InvalidClick: it is none, not one of http or https, has a name or a password in it, or is too long.
    """
    if not isinstance(url, str) or len(url) > LONGEST_TARGET:
        raise InvalidClick(
            f"{quoted(url)} cannot be counted: an address is text of at most {LONGEST_TARGET} characters."
        )
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        raise InvalidClick(f"{quoted(url)} is not an absolute address, such as 'https://example.com/'.") from None
    if parsed.protocol not in SCHEMES:
        raise InvalidClick(f"{quoted(url)} cannot be counted: its scheme is neither http nor https.")
    if parsed.username or parsed.password:
        raise InvalidClick(f"{quoted(parsed.host)} cannot be counted with the name or password that the address has.")
    target = parsed.href
    if len(target) > LONGEST_TARGET:
        raise InvalidClick(f"{quoted(url)} cannot be counted: it has more than {LONGEST_TARGET} characters.")
    return Address(target, _key(parsed, clicks_settings()), parsed.host)


def normalise(url: str) -> str:
    """The address under which the clicks of an address are counted.

    Args:
        url: an absolute address, with its scheme.

    Raises:
        InvalidClick: it cannot be counted; see ``parse``.
    """
    return parse(url).key


def _key(url: ada_url.URL, settings: ClicksSettings) -> str:
    if settings.IGNORE_FRAGMENT:
        url.hash = ""
    if settings.SORT_QUERY or settings.IGNORE_PARAMETERS:
        url.search = _query(url.search.removeprefix("?"), settings)
    key = url.href
    # In the key of a day, each of these takes two characters.
    length = len(key) + key.count(",") + key.count("!")
    if length > settings.MAX_LENGTH:
        raise InvalidClick(
            f"{quoted(key)} cannot be counted: {NAME}['MAX_LENGTH'] allows {settings.MAX_LENGTH} characters, of which "
            f"',' and '!' count as two."
        )
    return key


def _query(query: str, settings: ClicksSettings) -> str:
    """A query without the parameters to ignore, in the order of its names; each is left as it is written."""
    parts = [part for part in query.split("&") if not _is_ignored(part, settings.IGNORE_PARAMETERS)]
    return "&".join(sorted(parts, key=_name) if settings.SORT_QUERY else parts)


def _is_ignored(part: str, patterns: object) -> bool:
    name = _name(part)
    return any(fnmatchcase(name, pattern) for pattern in patterns)  # type: ignore[attr-defined]


def _name(part: str) -> str:
    return part.partition("=")[0]
