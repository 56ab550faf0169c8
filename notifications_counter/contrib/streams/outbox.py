"""The outbox: messages for a log outside of the database, in rows that the transaction writes which emits them.

Whoever has emitted a message sends it after the commit, and deletes the row when the log has it. What a process leaves
that is killed in between, or whose log does not answer, is sent by whoever looks next: a processor, or the end of a
flush. So nothing is lost, and a message may be there twice: both have the same id in the header ``outbox-id``.
"""

from __future__ import annotations

import itertools
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError

from ...exceptions import CounterError, described
from . import clock
from .conf import streams_settings
from .exceptions import DeliveryFailed
from .logs import get_log
from .logs.base import Outgoing
from .logs.embedded_sql import parsed, written
from .models import Outbox
from .partitioners import partitioner_at

logger = logging.getLogger("notifications_counter")

HEADER = "outbox-id"
#: Rows that are sent together.
AT_ONCE = 1_000
#: Seconds between two looks of a sender.
LOOK_EVERY = 5.0

#: The aliases of databases in which emitters of this process have an outbox.
aliases = {DEFAULT_DB_ALIAS}


def _claimed_until(using: str) -> int:
    return clock.now(connections[using]) + int(streams_settings().OUTBOX_TIMEOUT * 1000)


def store(using: str, log: str, topic: str, partitioner: str, messages: Sequence[Outgoing]) -> list[str]:
    """Write rows, which this process has to send now; their ids.

    Args:
        using: the alias of the database.
        log: the alias of the log.
        topic: the topic.
        partitioner: by which partitions are chosen when they are sent; see ``path_of``.
        messages: the messages; their partitions do not count.
    """
    until, uids = _claimed_until(using), [uuid.uuid4().hex for _ in messages]
    Outbox.objects.using(using).bulk_create(
        [
            Outbox(
                uid=uid,
                log=log,
                topic=topic,
                partitioner=partitioner,
                key=one.key or "",
                value=one.value,
                timestamp=one.timestamp,
                headers=written(one.headers) if one.headers else "",
                claimed_until=until,
            )
            for uid, one in zip(uids, messages, strict=True)
        ]
    )
    return uids


def with_id(message: Outgoing, uid: str) -> Outgoing:
    """A message as it is sent."""
    return message._replace(headers=(*message.headers, (HEADER, uid.encode())))


def sent(using: str, uids: Iterable[str]) -> None:
    """Delete the rows of messages that the log has."""
    Outbox.objects.using(using).filter(uid__in=list(uids)).delete()


def leave(using: str, uids: Iterable[str]) -> None:
    """Let others send messages, at once."""
    Outbox.objects.using(using).filter(uid__in=list(uids)).update(claimed_until=0)


def send_left(using: str, stopped: Callable[[], bool] = lambda: False) -> int:
    """Send what those have left who are gone, or could not; how many messages.

    Args:
        using: the alias of the database.
        stopped: asked between batches; a true answer ends it.
    """
    number = 0
    while not stopped() and (rows := _claim(using)):
        parts = itertools.groupby(rows, lambda row: (row.log, row.topic, row.partitioner))
        delivered = [uid for what, part in parts for uid in _send(*what, list(part))]
        sent(using, delivered)
        number += len(delivered)
        if len(delivered) < len(rows):  # not again at once
            break
    return number


def _claim(using: str) -> list[Any]:
    """Take rows that nobody is sending, in their order."""
    rows, now, token = Outbox.objects.using(using), clock.now(connections[using]), uuid.uuid4().hex
    ids = list(rows.filter(claimed_until__lt=now).order_by("id").values_list("id", flat=True)[:AT_ONCE])
    if not ids:
        return []
    free = rows.filter(id__in=ids, claimed_until__lt=now)
    free.update(claimed_until=_claimed_until(using), claimed_by=token)
    return list(rows.filter(claimed_by=token).order_by("id"))


def _send(alias: str, topic: str, partitioner: str, rows: Sequence[Any]) -> list[str]:
    """Send rows of one topic; the ids of those that the log has."""
    try:
        log, partition = get_log(alias), partitioner_at(partitioner)
        number = log.topic(topic).partitions
        messages = [
            with_id(
                Outgoing(
                    partition(row.key, number),
                    row.key,
                    None if row.value is None else bytes(row.value),
                    row.timestamp,
                    parsed(row.headers) if row.headers else (),
                ),
                row.uid,
            )
            for row in rows
        ]
        log.append(topic, messages)
    except CounterError as error:
        logger.warning("%d messages stay in the outbox of %s: %s", len(rows), topic, described(error))
        outcomes = error.outcomes if isinstance(error, DeliveryFailed) else ()
        return [row.uid for row, one in zip(rows, outcomes, strict=False) if not isinstance(one, Exception)]
    return [row.uid for row in rows]


def on_flush(*, using: str | None, stop: Callable[[], bool] | None, **kwargs: Any) -> None:
    """Send what was left, at the end of a flush of several counters."""
    for alias in sorted(aliases) if using is None else [using]:
        try:
            send_left(alias, stop or (lambda: False))
        except DatabaseError as error:
            logger.warning("The outbox of %s could not be read: %s", alias, described(error))


class Sender(threading.Thread):
    """Sends what was left, every few seconds, beside a processor that may have another log.

    Args:
        using: the alias of the database.
    """

    def __init__(self, using: str) -> None:
        super().__init__(name="outbox", daemon=True)
        self.using = using
        self._ended = threading.Event()

    def run(self) -> None:
        try:
            while True:
                try:
                    send_left(self.using, self._ended.is_set)
                except DatabaseError as error:
                    logger.warning("The outbox of %s could not be read: %s", self.using, described(error))
                    connections[self.using].close()
                if self._ended.wait(LOOK_EVERY):
                    return
        finally:
            connections.close_all()

    def end(self) -> None:
        """Let it end, and wait for what it is sending."""
        self._ended.set()
        if self.is_alive():
            self.join()
