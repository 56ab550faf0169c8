"""What a prune is told: durations as they are written, and numbers that make sense."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db import connections, router
from django.utils import timezone
from django.utils.connection import ConnectionDoesNotExist

from ..conf import is_integer, is_number
from ..exceptions import InvalidOption, quoted, unknown
from ..models import Notification

#: The most that ``chunk_size`` and ``keep`` may be.
MOST_A_CHUNK, MOST_KEPT = 2_000, 100_000

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DURATION = re.compile(r"([0-9]+)([smhdw])", re.ASCII)


def duration(text: str) -> timedelta:
    """A duration that is written as a number and a unit: ``45s``, ``30m``, ``12h``, ``90d`` or ``2w``.

    Raises:
        InvalidOption: it is written otherwise, or is 0, or so long that it reaches beyond the calendar.
    """
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidOption(
            f"{quoted(text)} is no duration: write a whole number and s, m, h, d or w, such as 90d, without a space."
        )
    if not int(found[1]):
        raise InvalidOption(f"A duration must be longer than {quoted(text)}.")
    try:
        length = timedelta(**{UNITS[found[2]]: int(found[1])})
        timezone.now() - length
    except OverflowError:
        raise InvalidOption(f"{quoted(text)} is longer than the calendar goes back.") from None
    return length


def refuse_bad_numbers(keep: int, chunk_size: int, pause: float) -> None:
    """Refuse numbers that cannot be meant.

    Raises:
        InvalidOption: one of them is wrong.
    """
    if not is_integer(keep) or not 0 <= keep <= MOST_KEPT:
        raise InvalidOption(f"keep must be an integer from 0 to {MOST_KEPT}, not {quoted(keep)}.")
    if not is_integer(chunk_size) or not 1 <= chunk_size <= MOST_A_CHUNK:
        raise InvalidOption(f"chunk_size must be an integer from 1 to {MOST_A_CHUNK}, not {quoted(chunk_size)}.")
    if not is_number(pause) or pause < 0:
        raise InvalidOption(f"pause must be a number of seconds of at least 0, not {quoted(pause)}.")


def length_of(older_than: timedelta | str) -> timedelta:
    """A duration, however it was given.

    Raises:
        InvalidOption: it is none, or not above 0.
    """
    if isinstance(older_than, str):
        return duration(older_than)
    if not isinstance(older_than, timedelta) or older_than <= timedelta(0):
        raise InvalidOption(f"older_than must be a duration above 0, not {quoted(older_than)}.")
    return older_than


def alias_of(using: str | None) -> str:
    """The database alias to work on.

    Raises:
        InvalidOption: there is no such alias.
    """
    alias = using or router.db_for_write(Notification)
    try:
        connections[alias]
    except ConnectionDoesNotExist:
        raise InvalidOption(unknown("database", alias, connections)) from None
    return alias
