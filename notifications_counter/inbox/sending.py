"""Sending: the same notification to one user or to millions, slice by slice."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import IntegrityError, OperationalError, connections, models, router, transaction
from django.utils import timezone

from ..conf import is_integer
from ..exceptions import InvalidNotification, quoted
from ..models import Notification
from . import deliveries
from .content import Content
from .preferences import unwanted
from .recipients import Slice, existing, most_a_slice, slices_of

#: How many users a slice has: its rows are in one transaction, and in memory.
SLICE_SIZE = 10_000

#: How often a slice is tried: another run has sent it meanwhile, or a user has been deleted.
TRIES = 5


@dataclass(frozen=True)
class Sent:
    """What a run of ``notify`` did.

    Attributes:
        sent: how many notifications it has created.
        already_sent: how many users had got it before, by the same key.
        unwanted: how many users want no notifications of the kind, or about the target.
        unknown: how many primary keys belong to no user.
    """

    sent: int = 0
    already_sent: int = 0
    unwanted: int = 0
    unknown: int = 0

    def __add__(self, other: Sent) -> Sent:
        return Sent(
            self.sent + other.sent,
            self.already_sent + other.already_sent,
            self.unwanted + other.unwanted,
            self.unknown + other.unknown,
        )


def notify(
    recipients: Any,
    text: str,
    *,
    kind: str = "",
    url: str = "",
    actor: Any = None,
    target: models.Model | None = None,
    data: Any = None,
    key: str | None = None,
    progress: Callable[[Sent], object] | None = None,
    slice_size: int = SLICE_SIZE,
    using: str | None = None,
) -> Sent:
    """Send a notification to users, slice by slice, each of which is one transaction.

    With a ``key`` nobody gets it twice, and a run that was interrupted is continued by calling it again: recipients are
    evaluated anew, and whoever has got something with this key is passed over. Inside a transaction of the caller all
    belongs to that.

    Args:
        recipients: a user, a primary key, a group, a queryset of users, which is read in slices, an iterable of users
            or primary keys, each of whom gets it once, or ``Named``. Users who are not active are included.
        text: what it says; may be translated lazily.
        kind: its kind. Users who do not want it get nothing.
        url: where opening it leads: a path, or an address that begins with ``http://`` or ``https://``.
        actor: the user whose doing it tells of.
        target: what it is about, any saved object. Users who have muted it get nothing.
        data: anything that is JSON.
        key: what names this sending, of at most 200 characters.
        progress: called after each slice with what has been done so far. What it raises ends the run.
        slice_size: how many users a slice has at most.
        using: a database alias.

    Returns:
        How many have got it, and how many have not, and why.

    Raises:
        InvalidNotification: something cannot be kept as it is given. Nothing has been sent.
        InvalidRecipients: it cannot be told who is meant. Of an iterator the slices before have been sent.
    """
    alias = using or router.db_for_write(Notification)
    content = Content(text, kind, url, actor, target, data)
    digest = None if key is None else deliveries.digest_of(key)
    if not is_integer(slice_size) or slice_size < 1:
        raise InvalidNotification(f"slice_size must be an integer of at least 1, not {quoted(slice_size)}.")
    total = Sent()
    for part in slices_of(recipients, min(slice_size, most_a_slice(alias)), alias)():
        total += _send(part, content, digest, alias)
        if progress is not None:
            progress(total)
    return total


async def anotify(recipients: Any, text: str, **options: Any) -> Sent:
    """As ``notify``, for asynchronous callers: it runs in a thread.

    Args:
        recipients: as for ``notify``.
        text: what it says.
        options: the other arguments of ``notify``. ``progress`` is called in that thread.

    Returns:
        How many have got it, and how many have not, and why.
    """
    return await sync_to_async(notify)(recipients, text, **options)


def _send(part: Slice, content: Content, digest: uuid.UUID | None, using: str) -> Sent:
    """Send a slice, again from its start where somebody came in between."""
    for attempt in range(1, TRIES):
        try:
            return _send_once(part, content, digest, using, attempt > 1)
        except IntegrityError:
            pass
        except OperationalError:  # a deadlock; whether the slice was committed, the key knows
            if digest is None or connections[using].in_atomic_block or not connections[using].is_usable():
                raise
    return _send_once(part, content, digest, using, True)


def _send_once(part: Slice, content: Content, digest: uuid.UUID | None, using: str, again: bool) -> Sent:
    with transaction.atomic(using=using):
        pks = part.pks if part.exist and not again else existing(part.pks, using)
        unknown = len(part.pks) - len(pks)
        already = set() if digest is None or not pks else deliveries.delivered(digest, pks, using, again)
        pks = [pk for pk in pks if pk not in already]
        declined = unwanted(pks, content, using) if pks else set()
        pks = [pk for pk in pks if pk not in declined]
        now = timezone.now()
        if digest is not None:
            deliveries.note(digest, pks, now, using)
        sent = Notification.objects.using(using).create_for(pks, content.notification(using, now))
    return Sent(sent, len(already), len(declined), unknown)
