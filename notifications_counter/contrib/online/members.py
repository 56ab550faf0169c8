"""By what users are known: as text to people, as a number to the layout in Redis and to ``LastSeen``.

A name that is a number is itself. Any other is a digest of 55 bits, below zero: of a million names two have the same
one with a probability of 1 to 70,000.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.utils.crypto import salted_hmac

from ...exceptions import InvalidKey, quoted
from .conf import online_settings
from .models import LONGEST_NAME, LONGEST_ROOM

#: Of numbers so many in a row share a hash, which is read as a whole; of digests those whose first bits are the same.
ROW = 128
DIGEST_BITS, SHARD_BITS = 55, 13
FIELD_BITS = DIGEST_BITS - SHARD_BITS
#: A digest's field has seven of these.
DIGITS = string.ascii_letters + string.digits + "-_"
VALUES = {digit: value for value, digit in enumerate(DIGITS)}

USERS, GUESTS = "u", "g"


def name_of(user: Any) -> str:
    """By what somebody is known: their username, or primary key, as text.

    Args:
        user: a user, or a username; with ``KEY = "pk"`` the latter costs a query.

    Raises:
        InvalidKey: nobody can be known by it, or there is no such user where there must be.
    """
    by_pk = online_settings().KEY == "pk"
    if isinstance(user, models.Model):
        return str(user.pk) if by_pk else _name(user.get_username())  # type: ignore[attr-defined]
    name = _name(str(user) if isinstance(user, int) and not isinstance(user, bool) else user)
    return _pk_of(name) if by_pk else name


def _name(value: object) -> str:
    return _text("A user's name", value, LONGEST_NAME, least=1)


def _pk_of(username: str) -> str:
    model = get_user_model()
    found = model._default_manager.filter(**{model.USERNAME_FIELD: username}).values_list("pk", flat=True).first()
    if found is None:
        raise InvalidKey(f"There is no user {quoted(username)}, and KEY is 'pk'.")
    return str(found)


def area_of(room: str, kind: str = USERS) -> str:
    """Where somebody is: a room, or the site as a whole under ``""``.

    Raises:
        InvalidKey: it cannot be the name of a room.
    """
    return f"{kind}:{_text('A room', room, LONGEST_ROOM, least=0)}"


def _text(what: str, value: object, longest: int, least: int) -> str:
    if not isinstance(value, str) or not least <= len(value) <= longest or "\0" in value:
        raise InvalidKey(
            f"{what} must be a text of {least} to {longest} characters without null characters, not {quoted(value)}."
        )
    return value


def number_of(name: str) -> int:
    """The number of a name: its own where it is one, as in "42", else below zero."""
    if name.isascii() and name.isdecimal() and len(name) <= 18 and str(int(name)) == name:
        return int(name)
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return -1 - (int.from_bytes(digest) >> (64 - DIGEST_BITS))


def place_of(number: int) -> tuple[str, str]:
    """The shard of a number, and its field there."""
    if number >= 0:
        return f"{number // ROW:x}", str(number % ROW)
    digest = -1 - number
    return f"t{digest >> FIELD_BITS:x}", "".join(
        DIGITS[(digest >> shift) & 63] for shift in range(FIELD_BITS - 6, -6, -6)
    )


def number_at(shard: str, field: str) -> int:
    """The number whose place this is."""
    if not shard.startswith("t"):
        return int(shard, 16) * ROW + int(field)
    digest = int(shard[1:], 16)
    for digit in field:
        digest = digest << 6 | VALUES[digit]
    return -1 - digest


def digest_of_guest(address: str) -> str:
    """By what a guest is known: a hash of the address that nobody can make without the site's secret key."""
    return salted_hmac("notifications_counter.contrib.online", address, algorithm="sha256").hexdigest()


def users_of(names: Iterable[str]) -> models.QuerySet[Any]:
    """The users that are known by names."""
    return _users().filter(**{f"{_field()}__in": list(names)})


def users_of_query(names: Iterable[str], query: models.QuerySet[Any, Any]) -> models.QuerySet[Any]:
    """The users that are known by names, or by those that a query finds."""
    condition = models.Q(**{f"{_field()}__in": list(names)}) | models.Q(**{f"{_field()}__in": query})
    return _users().filter(condition)


def _users() -> models.QuerySet[Any]:
    return get_user_model()._default_manager.all()


def _field() -> str:
    return "pk" if online_settings().KEY == "pk" else str(get_user_model().USERNAME_FIELD)
