"""Where a click may lead: to what this site has signed, to hosts that its settings allow, to what it has stored."""

from __future__ import annotations

import re
from functools import lru_cache

from django.core.signing import BadSignature, Signer

from ...exceptions import InvalidClick, InvalidSettings, quoted
from .addresses import Address, parse
from .conf import NAME, clicks_settings
from .models import Click

#: A signature in front of an address; an address that may be opened never looks like that, whose scheme is http.
SIGNED = re.compile(r"([A-Za-z0-9_-]{20,}):(https?:.*)", re.DOTALL)


def _signer() -> Signer:
    return Signer(salt="notifications_counter.contrib.clicks")  # anew: tests and sites change SECRET_KEY


def sign(target: str) -> str:
    """An address with the signature that lets it be opened."""
    return f"{_signer().signature(target)}:{target}"


def read(given: str) -> tuple[Address, bool]:
    """An address, and whether this site has signed it.

    Args:
        given: an address, or what ``sign`` has made of one.

    Raises:
        InvalidClick: it cannot be counted.
    """
    found = SIGNED.fullmatch(given)
    if found is None:
        return parse(given), False
    signature, target = found.groups()
    return parse(target), _is_signature(signature, target)


def _is_signature(signature: str, target: str) -> bool:
    signer = _signer()
    try:
        signer.unsign(f"{target}{signer.sep}{signature}")
    except BadSignature:
        return False
    return True


def may_open(address: Address, *, is_signed: bool) -> bool:
    """Whether a click may lead to an address.

    Args:
        address: the address.
        is_signed: whether this site has signed it.
    """
    return is_signed or is_allowed(address.host) or Click.objects.filter(pk=address.key).exists()


def is_allowed(host: str) -> bool:
    """Whether the settings allow a host, which is given as the standard writes it, with a port that is not usual."""
    exact, endings = allowed_hosts(tuple(clicks_settings().ALLOWED_HOSTS))
    return host in exact or host.endswith(endings)


@lru_cache(maxsize=16)
def allowed_hosts(hosts: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Hosts, and what hosts may end with, as the standard writes them.

    Raises:
        InvalidSettings: one of them is no host.
    """
    exact, endings = set(), []
    for host in hosts:
        try:
            name = parse(f"https://{host.removeprefix('.')}/").host
        except InvalidClick:
            raise InvalidSettings(f"{NAME}['ALLOWED_HOSTS'] has {quoted(host)}, which is no host.") from None
        exact.add(name)
        if host.startswith("."):
            endings.append(f".{name}")
    return frozenset(exact), tuple(endings)
