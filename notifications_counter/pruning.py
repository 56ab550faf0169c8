"""Pruning: old notifications are deleted, chunk by chunk, while the site runs and every count stays exact.

No statement reads more than some thousand rows, however many there are: the users are walked over by their primary
keys, and the notifications of each by the index that lists them newest first. Nothing is noted on the way: what has
been deleted needs no second look, so that a run that was killed is continued by the next one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connections, models, router, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.connection import ConnectionDoesNotExist

from .applying.retries import retried
from .compat.uncached import rows_of
from .conf import is_integer, is_number
from .exceptions import InvalidOption, quoted, unknown
from .models import Notification
from .signals import pruned

#: How many notifications one transaction deletes: so many that an update of their owner does not wait long for it.
CHUNK_SIZE = 400

#: The most that ``chunk_size`` and ``keep`` may be.
MOST_A_CHUNK, MOST_KEPT = 2_000, 100_000

#: What one statement reads at most: users, their notifications, and places in the index that it counts off.
USERS, ROWS, PLACES = 500, 2_000, 50_000

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DURATION = re.compile(r"([0-9]+)([smhdw])", re.ASCII)
COLUMNS = ("user_id", "created_at", "pk", "has_read", "kind")

Rows = models.QuerySet[Any]


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


@dataclass
class PruneResult:
    """What a prune did.

    Attributes:
        deleted: how many notifications were deleted; without being so, if it was a dry run.
        users: how many users' notifications were looked through, because the oldest was old enough.
        seconds: how long it took.
        stopped: whether it was told to stop before the end.
    """

    deleted: int = 0
    users: int = 0
    seconds: float = 0.0
    stopped: bool = False


class Row(NamedTuple):
    """What decides on a notification."""

    user: Any
    created_at: datetime
    pk: Any
    has_read: bool
    kind: str

    @property
    def place(self) -> tuple[datetime, Any]:
        """Where it stands among its user's."""
        return self.created_at, self.pk


def prune(
    older_than: timedelta | str,
    *,
    read_only: bool = False,
    keep: int = 0,
    kind: str | None = None,
    using: str | None = None,
    dry_run: bool = False,
    chunk_size: int = CHUNK_SIZE,
    pause: float = 0.0,
    stop: Callable[[], bool] | None = None,
    report: Callable[[PruneResult], None] | None = None,
) -> PruneResult:
    """Delete notifications that are older than a duration and not among their user's newest ones.

    It runs in transactions of its own, one for each chunk, and may be called while the site runs and as often as one
    likes.

    Args:
        older_than: the duration, also written as ``"90d"``.
        read_only: whether to delete only what has been read.
        keep: how many of each user's newest stay, of whatever kind, read or not.
        kind: delete only this kind.
        using: a database alias, where it is not that of the notifications.
        dry_run: whether to change nothing, and only to count.
        chunk_size: how many one transaction deletes.
        pause: seconds to wait after each chunk, so that others have the database to themselves meanwhile.
        stop: asked before each chunk; a true answer ends the prune, and the next one goes on.
        report: called after each chunk with what has been done so far.

    Raises:
        InvalidOption: an argument is wrong. Nothing has been deleted then.
        DatabaseFailed: the database failed in a way that does not pass. The chunks before are done.
    """
    _refuse_bad_numbers(keep, chunk_size, pause)
    length = duration(older_than) if isinstance(older_than, str) else _checked(older_than)
    found = Candidates(_alias(using), timezone.now() - length, keep, read_only, kind)
    result, began = PruneResult(), time.monotonic()
    for chunk in found.chunks(chunk_size):
        if stop and stop():
            result.stopped = True
            break
        result.deleted += len(chunk) if dry_run else retried("prune", found.using, found.delete, chunk)
        result.users, result.seconds = found.users, time.monotonic() - began
        if report:
            report(result)
        if not dry_run:
            time.sleep(pause)
    result.users, result.seconds = found.users, time.monotonic() - began
    return result


def _refuse_bad_numbers(keep: int, chunk_size: int, pause: float) -> None:
    if not is_integer(keep) or not 0 <= keep <= MOST_KEPT:
        raise InvalidOption(f"keep must be an integer from 0 to {MOST_KEPT}, not {quoted(keep)}.")
    if not is_integer(chunk_size) or not 1 <= chunk_size <= MOST_A_CHUNK:
        raise InvalidOption(f"chunk_size must be an integer from 1 to {MOST_A_CHUNK}, not {quoted(chunk_size)}.")
    if not is_number(pause) or pause < 0:
        raise InvalidOption(f"pause must be a number of seconds of at least 0, not {quoted(pause)}.")


def _checked(older_than: timedelta) -> timedelta:
    if not isinstance(older_than, timedelta) or older_than <= timedelta(0):
        raise InvalidOption(f"older_than must be a duration above 0, not {quoted(older_than)}.")
    return older_than


def _alias(using: str | None) -> str:
    alias = using or router.db_for_write(Notification)
    try:
        connections[alias]
    except ConnectionDoesNotExist:
        raise InvalidOption(unknown("database", alias, connections)) from None
    return alias


class Candidates:
    """The notifications that are to be deleted, as far as this process has found them.

    Attributes:
        using: the database alias.
        users: how many users have been looked through.
    """

    def __init__(self, using: str, before: datetime, keep: int, read_only: bool, kind: str | None) -> None:
        self.using = using
        self.users = 0
        self._before = before
        self._keep = keep
        self._read_only = read_only
        self._kind = kind
        #: How many users are looked through together: as many as have, by what was found, rows for one statement.
        self._together = 20

    def delete(self, pks: Sequence[Any]) -> int:
        """Delete those of them that are still to be deleted: one may have been marked as unread since."""
        chosen: dict[str, Any] = {"has_read": True} if self._read_only else {}
        if self._kind is not None:
            chosen["kind"] = self._kind
        rows = rows_of(Notification, self.using).filter(pk__in=pks, **chosen)
        with transaction.atomic(using=self.using):
            _, deleted = rows.delete()
            if pruned.has_listeners(Notification):
                left = set(rows_of(Notification, self.using).filter(pk__in=pks).values_list("pk", flat=True))
                pruned.send(Notification, using=self.using, pks=[pk for pk in pks if pk not in left])
        return deleted.get(Notification._meta.label, 0)

    def chunks(self, size: int) -> Iterator[list[Any]]:
        """Their primary keys, so many at a time."""
        waiting: list[Any] = []
        for rows in self._found():
            waiting += [row.pk for row in rows if self._is_chosen(row)]
            while len(waiting) >= size:
                yield waiting[:size]
                waiting = waiting[size:]
        if waiting:
            yield waiting

    def _is_chosen(self, row: Row) -> bool:
        return (row.has_read or not self._read_only) and self._kind in (None, row.kind)

    def _found(self) -> Iterator[list[Row]]:
        """The rows that are old and not kept, whatever else is asked of them."""
        for users in self._users_with_old_rows():
            while users:
                some = users[: self._most_together()]
                edges = self._edges(some)
                rows = self._rows(edges)
                if len(rows) <= ROWS:
                    yield [row for row in rows if _is_beyond(row, edges[row.user])]
                elif len(some) > 1:
                    self._together = max(1, len(some) // 2)
                    continue
                else:
                    yield from self._rows_of_one(some[0], edges[some[0]])
                if len(rows) < ROWS // 4:
                    self._together = min(2 * self._together, USERS)
                self.users += len(some)
                users = users[len(some) :]

    def _most_together(self) -> int:
        return max(1, min(self._together, USERS, PLACES // (self._keep or 1)))

    def _users_with_old_rows(self) -> Iterator[list[Any]]:
        everybody, last = rows_of(get_user_model(), self.using), None
        oldest = self._of(OuterRef("pk")).order_by("created_at", "pk").values("created_at")[:1]
        while True:
            users = everybody if last is None else everybody.filter(pk__gt=last)
            found = list(users.order_by("pk").values_list("pk", Subquery(oldest))[:USERS])
            if not found:
                return
            last = found[-1][0]
            yield [user for user, moment in found if moment is not None and moment < self._before]

    def _of(self, user: Any) -> Rows:
        return rows_of(Notification, self.using).filter(user=user)

    def _edges(self, users: Sequence[Any]) -> dict[Any, tuple[datetime, Any] | None]:
        """User -> the place of the newest notification that is not kept; None for the very newest. Whoever has no more
        than are kept is left out.

        It is looked up before the rows: those that come afterwards only push more beyond it.
        """
        if not self._keep:
            return dict.fromkeys(users)
        newest = self._of(OuterRef("pk")).order_by("-created_at", "-pk").values("pk")
        first = Subquery(newest[self._keep : self._keep + 1])
        found = rows_of(get_user_model(), self.using).filter(pk__in=users).values_list("pk", first)
        pks = {pk: user for user, pk in found if pk is not None}
        places = rows_of(Notification, self.using).filter(pk__in=pks).values_list("pk", "created_at")
        return {pks[pk]: (created_at, pk) for pk, created_at in places}

    def _rows(self, edges: dict[Any, Any]) -> list[Row]:
        """The old rows of some users: one more than there should be where there are too many."""
        if not edges:
            return []
        rows = rows_of(Notification, self.using).filter(user__in=list(edges), created_at__lt=self._before)
        return [Row(*row) for row in rows.values_list(*COLUMNS)[: ROWS + 1]]

    def _rows_of_one(self, user: Any, edge: tuple[datetime, Any] | None) -> Iterator[list[Row]]:
        """All of them of a user who has very many, from the newest on."""
        own, rows = self._of(user), []
        if edge is not None and edge[0] < self._before:
            rows = self._page(own, edge, "lte")
        else:
            rows = self._listed(own.filter(created_at__lt=self._before).order_by("-created_at", "-pk"), ROWS)
        while rows:
            yield rows
            rows = self._page(own, rows[-1].place, "lt")

    def _page(self, own: Rows, place: tuple[datetime, Any], below: str) -> list[Row]:
        """The rows from a place on: in two statements, each of which is one range of the index."""
        moment, pk = place
        rows = self._listed(own.filter(created_at=moment, **{f"pk__{below}": pk}).order_by("-pk"), ROWS)
        older = own.filter(created_at__lt=moment).order_by("-created_at", "-pk")
        return rows + self._listed(older, ROWS - len(rows)) if len(rows) < ROWS else rows

    def _listed(self, rows: Rows, number: int) -> list[Row]:
        return [Row(*row) for row in rows.values_list(*COLUMNS)[:number]]


def _is_beyond(row: Row, edge: tuple[datetime, Any] | None) -> bool:
    return edge is None or row.place <= edge
