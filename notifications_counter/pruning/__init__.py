"""Pruning: old notifications are deleted, chunk by chunk, while the site runs and every count stays exact.

No statement reads more than some thousand rows, however many there are, and fewer where that takes long: the users are
walked over by their primary keys, and the notifications of each by the index that lists them newest first. Nothing is
noted on the way: what has been deleted needs no second look, so that a killed run is continued by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from ..applying.retries import retried
from ..models import Notification
from ..signals import prune_ended
from .candidates import Candidates
from .options import alias_of, duration, length_of, refuse_bad_numbers
from .pace import Pace

__all__ = ["CHUNK_SIZE", "PruneResult", "duration", "prune"]

#: How many notifications one transaction deletes at most.
CHUNK_SIZE = 400

#: Where the database is slow, one deletes fewer, but no fewer than so many.
SMALLEST_CHUNK = 25


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
        chunk_size: how many one transaction deletes at most.
        pause: seconds to wait after each chunk, so that others have the database to themselves meanwhile.
        stop: asked before each chunk; a true answer ends the prune, and the next one goes on.
        report: called after each chunk with what has been done so far.

    Raises:
        InvalidOption: an argument is wrong. Nothing has been deleted then.
        DatabaseFailed: the database failed in a way that does not pass. The chunks before are done.
    """
    refuse_bad_numbers(keep, chunk_size, pause)
    found = Candidates(alias_of(using), timezone.now() - length_of(older_than), keep, read_only, kind)
    result, began, pace = PruneResult(), time.monotonic(), Pace(found.using, chunk_size, SMALLEST_CHUNK)
    for chunk in chunks(found.pks(), pace):
        if stop and stop():
            result.stopped = True
            break
        with pace.kept() as step:
            step.number = len(chunk)
            result.deleted += len(chunk) if dry_run else retried("prune", found.using, found.delete, chunk)
        result.users, result.seconds = found.users, time.monotonic() - began
        if report:
            report(result)
        if not dry_run:
            time.sleep(pause)
    if not (dry_run or result.stopped):
        prune_ended.send(Notification, using=found.using, stop=stop)
    result.users, result.seconds = found.users, time.monotonic() - began
    return result


def chunks(found: Iterable[list[Any]], pace: Pace) -> Iterator[list[Any]]:
    """What is found, so many at a time as they may be by then."""
    waiting: list[Any] = []
    for pks in found:
        waiting += pks
        while len(waiting) >= pace.now:
            chunk, waiting = waiting[: pace.now], waiting[pace.now :]
            yield chunk
    while waiting:
        chunk, waiting = waiting[: pace.now], waiting[pace.now :]
        yield chunk
