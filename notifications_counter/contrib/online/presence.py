"""Report users, and ask who is online. With Redis away nothing raises: the last known minute is told, or nobody."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings as django_settings
from django.db import models
from django.utils import timezone

from ...exceptions import BufferUnavailable, InvalidOption, quoted
from . import members
from .conf import MOST_MINUTES, function_of, online_settings
from .layouts import layout
from .layouts.base import Page, Seen, chunks
from .models import LastSeen

logger = logging.getLogger("notifications_counter")

T = TypeVar("T")

#: How many users a page has at most.
LARGEST_PAGE = 50

#: For how many seconds an answer is told instead of none, and how many answers are kept for that.
KEPT_SECONDS, MOST_KEPT = 60, 100
#: All names are kept only where they are few.
MOST_KEPT_NAMES = 10_000

_kept: dict[Hashable, tuple[float, Any]] = {}


class OnlinePage(list[Any]):
    """Users who are online, newest report first. Each has ``seen_at``, the time of that report.

    Attributes:
        following: what ``users_online`` is given as ``after`` for the next page; empty where there is none.
    """

    following: str = ""


def report_user(user: Any, *, room: str = "") -> None:
    """Note that somebody is online, and in a room, if one is named. The layout "two_sets" knows no rooms.

    Args:
        user: a user, or a username, of whom there need not be a user.
        room: whatever they are in together, such as ``"thread:42"``.

    Raises:
        InvalidKey: nobody can be called like that, or no room.
    """
    name = members.name_of(user)
    areas = [members.area_of(""), *([members.area_of(room)] if room else [])]
    if _is_invisible(user, name):
        _try(lambda: layout().forget(name, areas), None)
    else:
        _try(lambda: layout().report(name, areas, 60 * online_settings().MINUTES), None)


def report_guest(address: str) -> None:
    """Note that somebody who is not logged in is online. Only a keyed hash of the address is kept.

    Args:
        address: of the network.
    """
    report_guest_digest(members.digest_of_guest(address))


def report_guest_digest(name: str) -> None:
    """As ``report_guest``, with the hash.

    Args:
        name: what ``members.digest_of_guest`` makes of the address.
    """
    area = members.area_of("", members.GUESTS)
    _try(lambda: layout().report(name, [area], 60 * online_settings().MINUTES), None)


def _is_invisible(user: Any, name: str) -> bool:
    function = function_of("INVISIBLE")
    if function is None:
        return False
    known = user if isinstance(user, models.Model) else members.users_of([name]).first()
    return known is not None and bool(function(known))


def tick() -> None:
    """Begin the next period of the layout "two_sets"; the others need none, and do nothing."""
    _try(lambda: layout().tick(), None)


def get_users_online() -> set[str]:
    """The usernames of all who are online."""

    def read() -> set[str]:
        found: list[Seen] = []
        page = _page()
        found += page.seen
        while page.following:
            page = _page(page.following)
            found += page.seen
        return set(usernames_of(found).values())

    def _page(after: str = "") -> Page:
        return layout().page(members.area_of(""), _seconds(None), LARGEST_PAGE, after)

    nobody: set[str] = set()
    return set(_kept_while_away("all", read, nobody))


def users_online(
    minutes: int | None = None, *, room: str = "", after: str = "", limit: int = LARGEST_PAGE
) -> OnlinePage:
    """Users who are online, newest report first: one round trip and one query.

    Args:
        minutes: that have passed since their last report at most, up to 60; by default the setting ``MINUTES``. The
            layout "two_sets" does not know.
        room: a room; by default the whole site.
        after: ``following`` of the page before.
        limit: how many at most, up to 50.

    Raises:
        InvalidOption: one of them is wrong.
        InvalidKey: no room can be called like that.
    """
    seconds, area = _seconds(minutes), members.area_of(room)
    if not isinstance(limit, int) or not 1 <= limit <= LARGEST_PAGE:
        raise InvalidOption(f"limit must be an integer from 1 to {LARGEST_PAGE}, not {quoted(limit)}.")

    def read() -> OnlinePage:
        return _users(layout().page(area, seconds, limit, _checked(after)))

    return _kept_while_away(("page", seconds, area, after, limit), read, OnlinePage())


def guests_online(minutes: int | None = None) -> int:
    """How many guests are online.

    Args:
        minutes: as for ``users_online``.

    Raises:
        InvalidOption: they are no minutes.
    """
    seconds, area = _seconds(minutes), members.area_of("", members.GUESTS)
    return _kept_while_away(("guests", seconds), lambda: layout().number(area, seconds), 0)


def number_online(minutes: int | None = None, *, room: str = "") -> int:
    """How many users are online, exactly: one round trip.

    Args:
        minutes, room: as for ``users_online``.

    Raises:
        InvalidOption: they are no minutes.
        InvalidKey: no room can be called like that.
    """
    seconds, area = _seconds(minutes), members.area_of(room)
    return _kept_while_away(("number", seconds, area), lambda: layout().number(area, seconds), 0)


def is_online(user: Any, minutes: int | None = None, *, room: str = "") -> bool:
    """Whether a user is online.

    Args:
        user: a user, or a username.
        minutes, room: as for ``users_online``.

    Raises:
        InvalidOption, InvalidKey: one of them is wrong.
    """
    return is_online_many([user], minutes, room=room)[user]


def is_online_many(users: Iterable[Any], minutes: int | None = None, *, room: str = "") -> dict[Any, bool]:
    """Which of some users are online: one round trip for each 200.

    Args:
        users: users, or usernames.
        minutes, room: as for ``users_online``.

    Returns:
        For each of them, as it was given, whether it is.

    Raises:
        InvalidOption, InvalidKey: one of them is wrong.
    """
    names = {user: members.name_of(user) for user in users}
    online = online_names(list(names.values()), minutes, room=room)
    return {user: name in online for user, name in names.items()}


def online_names(names: Sequence[str], minutes: int | None = None, *, room: str = "") -> set[str]:
    """Those who are online, of the names by which users are known."""
    seconds, area = _seconds(minutes), members.area_of(room)
    now, seen = _seen(area, names)
    return {name for name, second in seen.items() if now - seconds < (second or 0) <= now}


def last_seen(user: Any) -> datetime | None:
    """When a user was last seen, to a second; None for never. Older than an hour it is as of the last flush.

    Args:
        user: a user, or a username.

    Raises:
        InvalidKey: nobody can be called like that.
    """
    name = members.name_of(user)
    _, seen = _seen(members.area_of(""), [name])
    if second := seen.get(name):
        return time_of(second)
    return LastSeen.objects.filter(pk=members.number_of(name)).values_list("seen_at", flat=True).first()


def time_of(second: int) -> datetime:
    """A second as a time of the database's."""
    found = datetime.fromtimestamp(second, UTC)
    return found if django_settings.USE_TZ else timezone.make_naive(found)


def _seconds(minutes: int | None) -> int:
    minutes = online_settings().MINUTES if minutes is None else minutes
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= MOST_MINUTES:
        raise InvalidOption(f"minutes must be an integer from 1 to {MOST_MINUTES}, not {quoted(minutes)}.")
    return 60 * minutes


def _checked(after: str) -> str:
    second, _, rest = after.partition(".") if isinstance(after, str) else ("?", "", "")
    if after and not (second.isascii() and second.isdecimal() and len(second) < 16 and (rest or not _)):
        raise InvalidOption(f"after must be what the page before has as following, not {quoted(after)}.")
    return after


def _seen(area: str, names: Sequence[str]) -> tuple[int, dict[str, int | None]]:
    nobody: tuple[int, dict[str, int | None]] = (0, {})
    return _try(lambda: layout().seen(area, names), nobody)


# Whose they are


def _users(page: Page) -> OnlinePage:
    """The users of a page, by one query."""
    seconds = {seen.number: seen.second for seen in page.seen}
    found = OnlinePage()
    for user in _query(page.seen) if seconds else ():
        number = members.number_of(members.name_of(user))
        if number in seconds:
            user.seen_at = time_of(seconds[number])
            found.append(user)
    order = {seen.number: place for place, seen in enumerate(page.seen)}
    found.sort(key=lambda user: order[members.number_of(members.name_of(user))])
    found.following = page.following
    return found


def _query(seen: Sequence[Seen]) -> models.QuerySet[Any]:
    names = [each.name for each in seen if each.name]
    unknown = [each.number for each in seen if not each.name]
    if online_settings().KEY == "pk":  # a primary key of another type cannot be compared with a text
        return members.users_of(names_of(seen).values() if unknown else names)
    if not unknown:
        return members.users_of(names)
    return members.users_of_query(names, LastSeen.objects.filter(pk__in=unknown).values("name"))


def names_of(seen: Iterable[Seen]) -> dict[int, str]:
    """The names by which some are known, by number; without those of whom nobody knows any more."""
    found, unknown = {}, []
    for each in seen:
        if each.name:
            found[each.number] = each.name
        else:
            unknown.append(each.number)
    for part in chunks(map(str, unknown), 500):
        found.update(LastSeen.objects.filter(pk__in=part).exclude(name="").values_list("pk", "name"))
    return found


def usernames_of(seen: Iterable[Seen]) -> dict[int, str]:
    """The usernames of some, by number; without those of whom nobody knows any more."""
    names = names_of(seen)
    if online_settings().KEY == "username":
        return names
    users = (user for part in chunks(names.values(), 500) for user in members.users_of(part))
    return {members.number_of(members.name_of(user)): user.get_username() for user in users}


# With Redis away


def _try(ask: Callable[[], T], otherwise: T) -> T:
    try:
        return ask()
    except BufferUnavailable as error:
        logger.debug("Who is online is not known: %s", error)  # what is wrong is said once, by what asks the server
        return otherwise


def _kept_while_away(what: Hashable, read: Callable[[], T], otherwise: T) -> T:
    """An answer; the last one, where none can be had and it is not older than a minute."""
    try:
        found = read()
    except BufferUnavailable as error:
        logger.debug("Who is online is not known: %s", error)
        at, kept = _kept.get(what, (0.0, otherwise))
        return kept if at and time.monotonic() - at < KEPT_SECONDS else otherwise
    if not isinstance(found, set) or len(found) <= MOST_KEPT_NAMES:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[what] = time.monotonic(), found
    return found
